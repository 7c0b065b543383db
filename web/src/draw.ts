// Draws a frame and what is known about it. Boxes come in pixels of the frame; the picture and the canvas have sizes of their own.

import type { Sight } from './pictures';
import type { DetectedObject, Zone } from './types';

export interface Layers {
  boxes: boolean;
  traces: boolean;
  zones: boolean;
}

/** Where the frame lies on the canvas, in CSS pixels. */
export interface Fit {
  x: number;
  y: number;
  scale: number;
}

const TRACE_POINTS = 40;
const TRACE_KEPT_FRAMES = 30;
const INK = '#0b0e10';

interface Trace {
  points: [number, number][];
  seen: number;
}

/** Always the same for one number, and well apart for neighbours: hues by the golden angle. */
export function stableColor(number: number): string {
  return `oklch(0.8 0.15 ${((number * 137.508) % 360).toFixed(1)})`;
}

function hash(text: string): number {
  let value = 0;
  for (const c of text) value = (value * 31 + c.charCodeAt(0)) % 9973;
  return value;
}

function colorOf(object: DetectedObject): string {
  return stableColor(object[6] ?? hash(object[4]));
}

export class Painter {
  private readonly traces = new Map<number, Trace>();
  private frames = 0;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  draw(sight: Sight, layers: Layers): void {
    const { canvas } = this;
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) return;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0 || height === 0) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const scale = Math.min(width / sight.width, height / sight.height);
    const fit: Fit = { x: (width - sight.width * scale) / 2, y: (height - sight.height * scale) / 2, scale };
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    context.drawImage(sight.picture, fit.x, fit.y, sight.width * scale, sight.height * scale);

    this.remember(sight.objects);
    context.save();
    context.beginPath();
    context.rect(fit.x, fit.y, sight.width * scale, sight.height * scale);
    context.clip();
    const compact = width < 300;
    if (layers.zones) for (const zone of sight.zones) drawZone(context, zone, fit, compact);
    if (layers.traces) this.drawTraces(context, sight.objects, fit);
    if (layers.boxes) for (const object of sight.objects) drawObject(context, object, fit, compact);
    context.restore();
    canvas.dataset.sequence = String(sight.sequence);
    canvas.dataset.objects = String(sight.objects.length);
    canvas.dataset.fit = `${fit.x},${fit.y},${fit.scale}`;
  }

  private remember(objects: DetectedObject[]): void {
    ++this.frames;
    for (const [x, y, w, h, , , track] of objects) {
      if (track === null) continue;
      const trace = this.traces.get(track) ?? { points: [], seen: 0 };
      trace.points.push([x + w / 2, y + h]);
      if (trace.points.length > TRACE_POINTS) trace.points.shift();
      trace.seen = this.frames;
      this.traces.set(track, trace);
    }
    for (const [track, trace] of this.traces) {
      if (this.frames - trace.seen > TRACE_KEPT_FRAMES) this.traces.delete(track);
    }
  }

  private drawTraces(context: CanvasRenderingContext2D, objects: DetectedObject[], fit: Fit): void {
    context.lineJoin = 'round';
    context.lineWidth = 1.75;
    for (const object of objects) {
      const trace = object[6] === null ? undefined : this.traces.get(object[6]);
      if (!trace || trace.points.length < 2) continue;
      context.strokeStyle = colorOf(object);
      context.globalAlpha = 0.75;
      path(context, trace.points, fit);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

function path(context: CanvasRenderingContext2D, points: [number, number][], fit: Fit): void {
  context.beginPath();
  points.forEach(([x, y], i) => {
    const px = fit.x + x * fit.scale;
    const py = fit.y + y * fit.scale;
    if (i === 0) context.moveTo(px, py);
    else context.lineTo(px, py);
  });
}

function drawZone(context: CanvasRenderingContext2D, zone: Zone, fit: Fit, compact: boolean): void {
  if (zone.points.length < 2) return;
  path(context, zone.points, fit);
  if (zone.points.length > 2) {
    context.closePath();
    context.fillStyle = 'rgb(255 255 255 / 0.07)';
    context.fill();
  }
  context.setLineDash([6, 4]);
  context.lineWidth = 3;
  context.strokeStyle = 'rgb(11 14 16 / 0.55)';
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = 'rgb(255 255 255 / 0.9)';
  context.stroke();
  context.setLineDash([]);
  const top = zone.points.reduce((best, point) => (point[1] < best[1] ? point : best));
  if (!compact) drawTag(context, zone.name, fit.x + top[0] * fit.scale + 4, fit.y + top[1] * fit.scale + 4, 'rgb(255 255 255 / 0.92)');
}

function drawObject(context: CanvasRenderingContext2D, object: DetectedObject, fit: Fit, compact: boolean): void {
  const [x, y, w, h, label, score, track] = object;
  const color = colorOf(object);
  const left = fit.x + x * fit.scale;
  const top = fit.y + y * fit.scale;
  context.lineWidth = compact ? 1.5 : 2;
  context.strokeStyle = color;
  context.strokeRect(left, top, w * fit.scale, h * fit.scale);
  if (compact && track === null) return;
  const id = track === null ? '' : `#${track}`;
  const text = compact ? id : [label, id, score.toFixed(2)].filter(Boolean).join(' ');
  drawTag(context, text, left - context.lineWidth / 2, top - 16 < fit.y ? top : top - 16, color);
}

/** A label on a ground of its own, kept within the canvas sideways. */

function drawTag(context: CanvasRenderingContext2D, text: string, x: number, y: number, color: string): void {
  context.font = '600 11px ui-sans-serif, system-ui, sans-serif';
  const width = context.measureText(text).width + 8;
  const left = Math.max(0, Math.min(x, context.canvas.clientWidth - width));
  context.fillStyle = color;
  context.fillRect(left, y, width, 16);
  context.fillStyle = INK;
  context.textBaseline = 'middle';
  context.fillText(text, left + 4, y + 8.5);
}
