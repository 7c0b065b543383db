// An application's graph as it is drawn: many cameras become one box, so that a hundred of them still make a picture.

import { plural } from '../format';
import type { Graph, GraphEdge, Times } from './types';

export interface PictureNode {
  id: string;
  name: string;
  source: boolean;
  type: string;
  kind: string;
  state: string;
  nodes: string[];
  users: string[];
  fps: number;
  depth: number;
  capacity: number;
  execution: Times;
  errors: number;
  problem: string;
}

export interface PictureEdge {
  from: string;
  to: string;
  fromName: string;
  toName: string;
  fromNode: string;
  toNode: string;
  fps: number;
  link: boolean;
  bytes: number;
  latency: Times;
  /** Whether others leave the same box, and whether others reach the same. */
  fans: boolean;
  joins: boolean;
}

export interface Picture {
  nodes: PictureNode[];
  edges: PictureEdge[];
}

const MOST_SOURCES = 6;
const NO_TIMES: Times = { count: 0, p50: 0, p95: 0, p99: 0 };

export function grouped(graph: Graph): Picture {
  const perNode = new Map<string, string>();
  const idOf = new Map<string, string>();
  const nodes: PictureNode[] = [];
  const machines = new Set(graph.sources.map((source) => source.node));
  const together = graph.sources.length > MOST_SOURCES;
  for (const source of graph.sources) {
    // By machine, unless there are as many of these.
    const group = !together ? source.name : machines.size <= MOST_SOURCES ? source.node : 'all';
    const id = perNode.get(group) ?? `source ${group}`;
    idOf.set(source.name, id);
    const known = nodes.find((node) => node.id === id);
    if (!known) {
      perNode.set(group, id);
      nodes.push({
        id,
        name: source.name,
        source: true,
        type: '',
        kind: 'source',
        state: source.state,
        nodes: source.node ? [source.node] : [],
        users: [],
        fps: source.fps,
        depth: 1,
        capacity: 1,
        execution: NO_TIMES,
        errors: 0,
        problem: '',
      });
      continue;
    }
    known.fps += source.fps;
    known.depth += 1;
    known.name = plural(known.depth, 'source');
    known.kind = `${source.name} …`;
    if (source.node && !known.nodes.includes(source.node)) known.nodes.push(source.node);
    if (source.state !== 'streaming') known.state = source.state;
  }
  for (const module of graph.modules) {
    nodes.push({
      id: `module ${module.name}`,
      name: module.name,
      source: false,
      type: module.type,
      kind: '',
      state: '',
      nodes: module.nodes,
      users: module.users,
      fps: module.fps,
      depth: module.queue_depth,
      capacity: module.queue_capacity,
      execution: module.execution,
      errors: module.errors,
      problem: module.last_error,
    });
  }
  return { nodes, edges: edgesOf(graph, idOf, new Map(nodes.map((node) => [node.id, node]))) };
}

function edgesOf(graph: Graph, sources: Map<string, string>, nodes: Map<string, PictureNode>): PictureEdge[] {
  const inputs = new Map(graph.modules.map((module) => [module.name, module.inputs]));
  const edges = new Map<string, PictureEdge>();
  for (const edge of graph.edges) {
    const from = fromOf(edge, inputs.get(edge.to) ?? [], sources);
    const to = `module ${edge.to}`;
    const [a, b] = [nodes.get(from), nodes.get(to)];
    if (!a || !b) continue;
    const key = JSON.stringify([from, to]);
    const known = edges.get(key);
    if (known) {
      known.fps += edge.fps;
      known.bytes += edge.bytes_per_second;
      known.link ||= edge.link;
      if (edge.latency.p95 > known.latency.p95) known.latency = edge.latency;
      continue;
    }
    edges.set(key, {
      from,
      to,
      fromName: a.name,
      toName: b.name,
      fromNode: edge.from_node,
      toNode: edge.to_node,
      fps: edge.fps,
      link: edge.link,
      bytes: edge.bytes_per_second,
      latency: edge.latency,
      fans: false,
      joins: false,
    });
  }
  const all = [...edges.values()];
  for (const edge of all) {
    edge.fans = all.some((other) => other !== edge && other.from === edge.from);
    edge.joins = all.some((other) => other !== edge && other.to === edge.to);
  }
  return all;
}

/** A source and a module may have one name; the module is meant when it is among the inputs. */
function fromOf(edge: GraphEdge, inputs: readonly string[], sources: Map<string, string>): string {
  return inputs.includes(edge.from) ? `module ${edge.from}` : (sources.get(edge.from) ?? `module ${edge.from}`);
}
