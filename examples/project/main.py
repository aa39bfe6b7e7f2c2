import sys

from lib.greeting import greet

greet(sys.argv[1])
