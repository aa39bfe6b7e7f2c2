/**
 * Reads from an ELF file which libraries it needs. The file is never run, unlike with `ldd`, which runs the program's
 * own loader.
 *
 * @module
 */
import { type FileHandle, open } from "node:fs/promises";

/** The dynamic section of a program or library. */
export interface ElfFile {
  /** Its machine number; its libraries must have the same. */
  readonly machine: number;
  /** The program's loader; undefined for libraries and static programs. */
  readonly loader: string | undefined;
  /** Names of the needed libraries. */
  readonly needed: readonly string[];
  /** Search directories for it and the libraries that it loads, unless `runpath` is set. */
  readonly rpath: readonly string[];
  /** Search directories for its own libraries. */
  readonly runpath: readonly string[];
}

const segments = { load: 1, dynamic: 2, loader: 3 } as const;
const tags = { end: 0, needed: 1, strings: 5, stringBytes: 10, rpath: 15, runpath: 29 } as const;

/** Larger than any header of a real program; larger ones are rejected. */
const maximumBytes = 4 * 1024 * 1024;

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  if (bytes > maximumBytes) throw new Error("its headers are too large");
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(bytes), position });
  return buffer.subarray(0, bytesRead);
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** Reads a 64-bit field. A value beyond any real size or offset yields a number that fails the later bounds checks. */
const wide = (buffer: Buffer, at: number): number => Number(buffer.readBigUInt64LE(at));

const textAt = (buffer: Buffer, at: number): string => {
  const end = buffer.indexOf(0, at);
  return buffer.toString("utf8", at, end < 0 ? buffer.length : end);
};

const pathsIn = (texts: readonly string[]): string[] => texts.flatMap((text) => text.split(":")).filter(Boolean);

async function readDynamic(file: FileHandle, machine: number, parts: readonly Segment[]): Promise<ElfFile> {
  const named = parts.find(({ type }) => type === segments.loader);
  const loader = named && textAt(await readAt(file, named.offset, named.bytes), 0);
  const dynamic = parts.find(({ type }) => type === segments.dynamic);
  if (!dynamic) return { machine, loader, needed: [], rpath: [], runpath: [] };
  const table = await readAt(file, dynamic.offset, dynamic.bytes);
  const entries: { tag: number; value: number }[] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = wide(table, at);
    if (tag === tags.end) break;
    entries.push({ tag, value: wide(table, at + 8) });
  }
  const firstValue = (wanted: number): number => entries.find(({ tag }) => tag === wanted)?.value ?? 0;
  const address = firstValue(tags.strings);
  const home = parts.find(
    (part) => part.type === segments.load && address >= part.address && address < part.address + part.bytes,
  );
  const strings = home
    ? await readAt(file, home.offset + address - home.address, firstValue(tags.stringBytes))
    : Buffer.alloc(0);
  const texts = (wanted: number): string[] =>
    entries.flatMap(({ tag, value }) => (tag === wanted && value < strings.length ? [textAt(strings, value)] : []));
  return {
    machine,
    loader,
    needed: texts(tags.needed),
    rpath: pathsIn(texts(tags.rpath)),
    runpath: pathsIn(texts(tags.runpath)),
  };
}

/** Reads what a file needs; undefined if it is not a valid 64-bit little-endian ELF file. */
export async function readElf(path: string): Promise<ElfFile | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const header = await readAt(file, 0, 64);
    const isElf = header.length === 64 && header.readUInt32BE(0) === 0x7f454c46 && header.readUInt16BE(4) === 0x0201;
    if (!isElf) return undefined;
    const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = await readAt(file, wide(header, 32), size * count);
    const parts: Segment[] = [];
    for (let at = 0; size >= 56 && at + size <= table.length; at += size) {
      parts.push({
        type: table.readUInt32LE(at),
        offset: wide(table, at + 8),
        address: wide(table, at + 16),
        bytes: wide(table, at + 32),
      });
    }
    return await readDynamic(file, header.readUInt16LE(18), parts);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
