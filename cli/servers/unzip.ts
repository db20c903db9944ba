import { inflateRawSync } from "node:zlib";

const endOfDirectory = 0x06054b50;
const entryInDirectory = 0x02014b50;
const stored = 0;
const deflated = 8;

/**
 * One file out of a zip archive. Throws an Error when there is no such file, or when the archive is
 * damaged or uses a compression other than deflate.
 */
export function fileInZip(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf(littleEndian(endOfDirectory));
  if (end < 0) throw new Error("not a zip archive");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== entryInDirectory) throw new Error("a damaged zip archive");
    const nameEnd = at + 46 + archive.readUInt16LE(at + 28);
    if (archive.toString("utf8", at + 46, nameEnd) === name) return contentOf(archive, at);
    at = nameEnd + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`no ${name} in the zip archive`);
}

function contentOf(archive: Buffer, at: number): Buffer {
  const method = archive.readUInt16LE(at + 10);
  const [packedSize, size] = [archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 24)];
  const local = archive.readUInt32LE(at + 42);
  // Name and extra field are repeated before the content, and the extra field may differ there.
  const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(from, from + packedSize);
  if (method !== stored && method !== deflated) throw new Error(`zip compression ${method}`);
  const maxOutputLength = Math.max(size, 1);
  const content = method === stored ? packed : inflateRawSync(packed, { maxOutputLength });
  if (content.length !== size) throw new Error("a damaged zip archive");
  return content;
}

function littleEndian(value: number): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(value);
  return four;
}
