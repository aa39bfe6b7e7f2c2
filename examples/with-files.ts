/** Gives code its input files, its arguments and its standard input, and takes the files that it makes. */
import { Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();

const { files, stdout } = await quartermaster.execute({
  code: `
import csv, sys
rows = list(csv.DictReader(open("prices.csv")))
print("asked for", sys.stdin.read())
with open(sys.argv[1], "w") as total:
    total.write(str(sum(float(row["price"]) for row in rows)))`,
  files: [{ name: "prices.csv", content: "item,price\npen,1.5\ninc,2.25\n" }],
  args: ["total.txt"],
  stdin: "the total",
  outputs: ["*.txt"],
});
console.log(stdout.text.trimEnd());
for (const { name, base64 } of files) console.log(name, Buffer.from(base64 ?? "", "base64").toString());
