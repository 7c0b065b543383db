// One connection that carries the pictures of many streams, and what was found in each.

import { MultipartReader, type Part } from './multipart';
import type { DetectedObject, Zone } from './types';

export interface Sight {
  view: string;
  sequence: number;
  /** When it was taken. */
  time: string;
  /** Size of the frame in which the boxes are given; the picture may be smaller. */
  width: number;
  height: number;
  objects: DetectedObject[];
  zones: Zone[];
  picture: ImageBitmap;
}

export interface FeedOptions {
  views: string[];
  width: number;
  fps: number;
  show: (sight: Sight) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

/** Follows /live until closed; comes back by itself when the connection breaks. Superseded pictures are not decoded. */
export class PictureFeed {
  private readonly abort = new AbortController();
  private readonly zones = new Map<string, Zone[]>();
  private readonly waiting = new Map<string, Part>();
  private readonly decoding = new Set<string>();
  private retryMs = FIRST_RETRY_MS;

  constructor(private readonly options: FeedOptions) {
    void this.run();
  }

  close(): void {
    this.abort.abort();
    this.waiting.clear();
  }

  private async run(): Promise<void> {
    const query = new URLSearchParams(this.options.views.map((view) => ['streams', view]));
    if (this.options.width > 0) query.set('width', String(this.options.width));
    if (this.options.fps > 0) query.set('fps', String(this.options.fps));
    const signal = this.abort.signal;
    while (!signal.aborted) {
      try {
        const response = await fetch(`/live?${query}`, { signal, cache: 'no-store' });
        if (!response.ok || !response.body) throw new Error(`the console answered ${response.status}`);
        await this.read(response.body);
      } catch {
        // The banner tells about a lost connection; here there is only to try again.
      }
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, this.retryMs * (0.75 + Math.random() / 2)));
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    const parts = new MultipartReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.abort.signal.aborted) return;
      for (const part of parts.push(value)) {
        this.retryMs = FIRST_RETRY_MS;
        this.take(part);
      }
    }
  }

  private take(part: Part): void {
    const view = decodeURIComponent(part.headers.get('x-vedette-stream') ?? '');
    const zones = part.headers.get('x-vedette-zones');
    if (zones !== undefined) this.zones.set(view, JSON.parse(zones) as Zone[]);
    if (this.decoding.has(view)) {
      this.waiting.set(view, part);
    } else {
      void this.decode(view, part);
    }
  }

  private async decode(view: string, first: Part): Promise<void> {
    this.decoding.add(view);
    for (let part: Part | undefined = first; part && !this.abort.signal.aborted; ) {
      try {
        const picture = await createImageBitmap(new Blob([part.body], { type: 'image/jpeg' }));
        const [width = 0, height = 0] = (part.headers.get('x-vedette-size') ?? '').split('x').map(Number);
        if (!this.abort.signal.aborted) {
          this.options.show({
            view,
            sequence: Number(part.headers.get('x-vedette-sequence')),
            time: part.headers.get('x-vedette-time') ?? '',
            width: width || picture.width,
            height: height || picture.height,
            objects: JSON.parse(part.headers.get('x-vedette-objects') ?? '[]') as DetectedObject[],
            zones: this.zones.get(view) ?? [],
            picture,
          });
        }
        picture.close();
      } catch {
        // A picture that does not decode is skipped like one that was superseded.
      }
      part = this.waiting.get(view);
      this.waiting.delete(view);
    }
    this.decoding.delete(view);
  }
}
