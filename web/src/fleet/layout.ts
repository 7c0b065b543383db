// Lays a directed acyclic graph out in layers, after Sugiyama: layers by longest path, order in a layer by the mean place of what
// it is connected with, places by the same mean with distances kept (isotonic regression). Pure, and small: a few dozen boxes.

export interface Box {
  id: string;
  layer: number;
  /** Of its upper left corner. */
  x: number;
  y: number;
}

export interface Way {
  from: string;
  to: string;
  /** Where it leaves, passes between boxes, and arrives. */
  points: [number, number][];
}

export interface Laid {
  boxes: Map<string, Box>;
  ways: Way[];
  width: number;
  height: number;
}

export interface LayoutOptions {
  /** Layers follow each other to the right, or downwards. */
  direction: 'right' | 'down';
  width: number;
  height: number;
  /** Between layers, and between the boxes of one. */
  gapAlong: number;
  gapAcross: number;
}

interface Cell {
  id: string;
  layer: number;
  /** Where an edge passes a layer; it takes less room than a box. */
  pass: boolean;
  before: Cell[];
  after: Cell[];
  at: number;
}

const SWEEPS = 8;
const PASS_SHARE = 0.35;

export function layOut(ids: readonly string[], links: readonly { from: string; to: string }[], options: LayoutOptions): Laid {
  const known = new Set(ids);
  const edges = links.filter(({ from, to }) => known.has(from) && known.has(to) && from !== to);
  const depth = depths(ids, edges);
  const last = Math.max(0, ...depth.values());
  const starts = new Set(edges.map(({ from }) => from));
  const ends = new Set(edges.map(({ to }) => to));
  // Sinks stand at the right end, wherever they are fed from.
  for (const id of ids) if (!starts.has(id) && ends.has(id)) depth.set(id, last);

  const layers: Cell[][] = Array.from({ length: last + 1 }, () => []);
  const cells = new Map<string, Cell>();
  const add = (id: string, layer: number, pass: boolean): Cell => {
    const cell: Cell = { id, layer, pass, before: [], after: [], at: 0 };
    layers[layer]?.push(cell);
    return cell;
  };
  for (const id of ids) cells.set(id, add(id, depth.get(id) ?? 0, false));
  const chains = edges.map(({ from, to }) => {
    const chain: Cell[] = [];
    const first = cells.get(from);
    const end = cells.get(to);
    if (!first || !end) return chain;
    chain.push(first);
    for (let layer = first.layer + 1; layer < end.layer; ++layer) chain.push(add(`${from} ${to} ${layer}`, layer, true));
    chain.push(end);
    chain.forEach((cell, i) => {
      const next = chain[i + 1];
      if (!next) return;
      cell.after.push(next);
      next.before.push(cell);
    });
    return chain;
  });

  const ordered = order(layers);
  const across = options.direction === 'right' ? options.height : options.width;
  const along = options.direction === 'right' ? options.width : options.height;
  place(ordered, across, options.gapAcross);

  const least = Math.min(...ordered.flat().map((cell) => cell.at - size(cell, across) / 2), 0);
  const most = Math.max(...ordered.flat().map((cell) => cell.at + size(cell, across) / 2), across);
  const step = along + options.gapAlong;
  const point = (a: number, b: number): [number, number] => (options.direction === 'right' ? [a, b] : [b, a]);
  const boxes = new Map<string, Box>();
  for (const [id, cell] of cells) {
    const [x, y] = point(cell.layer * step, cell.at - least - across / 2);
    boxes.set(id, { id, layer: cell.layer, x, y });
  }
  const ways = edges.map(({ from, to }, i): Way => {
    const chain = chains[i] ?? [];
    const points = chain.flatMap((cell, k) => {
      const begin = cell.layer * step;
      const b = cell.at - least;
      if (k === 0) return [point(begin + along, b)];
      if (k === chain.length - 1) return [point(begin, b)];
      return [point(begin, b), point(begin + along, b)];
    });
    return { from, to, points };
  });
  const [width, height] = point(last * step + along, most - least);
  return { boxes, ways, width, height };
}

/** Longest path from a node without inputs; a circle, which no application has, ends after as many rounds as there are nodes. */
function depths(ids: readonly string[], edges: readonly { from: string; to: string }[]): Map<string, number> {
  const depth = new Map<string, number>(ids.map((id) => [id, 0]));
  for (let round = 0; round < ids.length; ++round) {
    let moved = false;
    for (const { from, to } of edges) {
      const wanted = Math.min((depth.get(from) ?? 0) + 1, ids.length - 1);
      if (wanted <= (depth.get(to) ?? 0)) continue;
      depth.set(to, wanted);
      moved = true;
    }
    if (!moved) break;
  }
  return depth;
}

/** The order with the fewest crossings of those that the sweeps come through. */
function order(layers: Cell[][]): Cell[][] {
  let now = layers.map((layer) => [...layer]);
  let best = now;
  let fewest = crossings(now);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; ++sweep) {
    const down = sweep % 2 === 0;
    now = now.map((layer) => [...layer]);
    const index = new Map<Cell, number>();
    now.forEach((layer) => layer.forEach((cell, i) => index.set(cell, i)));
    for (let k = 0; k < now.length; ++k) {
      const layer = now[down ? k : now.length - 1 - k] ?? [];
      const wish = new Map(
        layer.map((cell) => [
          cell,
          mean(
            (down ? cell.before : cell.after).map((other) => index.get(other) ?? 0),
            index.get(cell) ?? 0,
          ),
        ]),
      );
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      layer.forEach((cell, i) => index.set(cell, i));
    }
    const count = crossings(now);
    if (count < fewest) {
      fewest = count;
      best = now;
    }
  }
  return best;
}

function crossings(layers: Cell[][]): number {
  let count = 0;
  for (const layer of layers) {
    const index = new Map((layer[0]?.after[0] ? (layers[layer[0].after[0].layer] ?? []) : []).map((cell, i) => [cell, i]));
    const ends = layer.flatMap((cell, i) => cell.after.map((other) => [i, index.get(other) ?? 0] as const));
    for (const [a, b] of ends) for (const [c, d] of ends) if (a < c && b > d) ++count;
  }
  return count;
}

function size(cell: Cell, across: number): number {
  return cell.pass ? across * PASS_SHARE : across;
}

function place(layers: Cell[][], across: number, gap: number): void {
  const distances = layers.map((layer) =>
    layer.map((cell, i) => {
      const above = layer[i - 1];
      return above ? (size(above, across) + size(cell, across)) / 2 + gap : 0;
    }),
  );
  layers.forEach((layer, k) => {
    let at = 0;
    layer.forEach((cell, i) => (cell.at = at += distances[k]?.[i] ?? 0));
  });
  for (let sweep = 0; sweep < 2 * SWEEPS; ++sweep) {
    const rising = sweep % 2 === 0;
    for (let k = 0; k < layers.length; ++k) {
      const at = rising ? k : layers.length - 1 - k;
      const layer = layers[at] ?? [];
      const wishes = layer.map((cell) => {
        const near = rising ? cell.before : cell.after;
        const far = rising ? cell.after : cell.before;
        return mean(
          (near.length > 0 ? near : far).map((other) => other.at),
          cell.at,
        );
      });
      spread(wishes, distances[at] ?? []).forEach((value, i) => {
        const cell = layer[i];
        if (cell) cell.at = value;
      });
    }
  }
}

/** The places closest to `wishes` (least squares) that keep their order and, from one to the next, `distances`. */
function spread(wishes: readonly number[], distances: readonly number[]): number[] {
  let sum = 0;
  const offsets = distances.map((distance) => (sum += distance));
  const blocks: { total: number; count: number }[] = [];
  wishes.forEach((wish, i) => {
    let block = { total: wish - (offsets[i] ?? 0), count: 1 };
    for (let above = blocks.at(-1); above && above.total / above.count > block.total / block.count; above = blocks.at(-1)) {
      block = { total: block.total + above.total, count: block.count + above.count };
      blocks.pop();
    }
    blocks.push(block);
  });
  return blocks.flatMap(({ total, count }) => new Array<number>(count).fill(total / count)).map((value, i) => value + (offsets[i] ?? 0));
}

function mean(values: readonly number[], otherwise: number): number {
  return values.length > 0 ? values.reduce((all, one) => all + one, 0) / values.length : otherwise;
}
