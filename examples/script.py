import platform

print("Python", platform.python_version(), "in a disposable cell")
