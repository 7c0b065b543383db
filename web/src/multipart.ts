// Reads multipart/x-mixed-replace from a byte stream. Every part must have a Content-Length.

export interface Part {
  headers: Map<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

const LARGEST_HEADER_BYTES = 1 << 20;
const LARGEST_BODY_BYTES = 64 << 20;

export class MultipartReader {
  private buffer = new Uint8Array(256 << 10);
  private begin = 0;
  private end = 0;
  private headers: Map<string, string> | null = null;
  private readonly decoder = new TextDecoder('utf-8');

  /** Takes bytes in and returns the parts that are now whole. Throws when the bytes are no multipart stream. */
  push(bytes: Uint8Array): Part[] {
    this.append(bytes);
    const parts: Part[] = [];
    for (;;) {
      if (!this.headers) {
        const head = this.findHeaderEnd();
        if (head < 0) {
          if (this.end - this.begin > LARGEST_HEADER_BYTES) throw new Error('a part has no end to its header');
          return parts;
        }
        this.headers = parseHeaders(this.decoder.decode(this.buffer.subarray(this.begin, head)));
        this.begin = head + 4;
      }
      const length = Number(this.headers.get('content-length') ?? NaN);
      if (!(length >= 0 && length <= LARGEST_BODY_BYTES)) throw new Error('a part has no usable Content-Length');
      if (this.end - this.begin < length) return parts;
      parts.push({ headers: this.headers, body: this.buffer.slice(this.begin, this.begin + length) });
      this.begin += length;
      this.headers = null;
    }
  }

  private append(bytes: Uint8Array): void {
    if (this.begin === this.end) this.begin = this.end = 0;
    if (this.end + bytes.length > this.buffer.length) {
      const kept = this.end - this.begin;
      const next = kept + bytes.length > this.buffer.length ? new Uint8Array((kept + bytes.length) * 2) : this.buffer;
      next.set(this.buffer.subarray(this.begin, this.end), 0);
      this.buffer = next;
      this.begin = 0;
      this.end = kept;
    }
    this.buffer.set(bytes, this.end);
    this.end += bytes.length;
  }

  private findHeaderEnd(): number {
    const b = this.buffer;
    for (let i = this.begin; i + 3 < this.end; ++i) {
      // A boundary line may follow on the last part's closing line break, hence the check that something came before.
      if (b[i] === 13 && b[i + 1] === 10 && b[i + 2] === 13 && b[i + 3] === 10 && i > this.begin) return i;
    }
    return -1;
  }
}

function parseHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('--')) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
