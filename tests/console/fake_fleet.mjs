// A controller that is none: the interface of a fleet with made-up figures, and the page. For the page's tests and for working on it.
//   node fake_fleet.mjs [PORT] [--tokens] [--hostile] [--empty] [--live URL]
// --tokens asks for one of viewer, operator, admin, yard (an operator of tenant yard-ops); --live passes on what a console serves.

import { createServer, request as httpRequest } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fleet } from './fake_fleet_state.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// As net::set_security_headers.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TOKENS = {
  viewer: { name: 'vera', role: 'viewer', tenant: '' },
  operator: { name: 'otto', role: 'operator', tenant: '' },
  admin: { name: 'anna', role: 'admin', tenant: '' },
  yard: { name: 'yuri', role: 'operator', tenant: 'yard-ops' },
};
const RANKS = { none: 0, viewer: 1, operator: 2, admin: 3 };
const MODULE_TYPES = [
  'decode',
  'detect',
  'track',
  'roi',
  'jsonl',
  'console',
  'video',
  'webhook',
  'crop',
  'embed',
  'reid',
  'motion',
  'ocr',
  'privacy',
  'score',
  'heatmap',
];

class Refusal extends Error {
  constructor(status, code, message, hint = '') {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** The built page: CONSOLE_DIST, or the newest build's. */
function distPath() {
  const candidates = [
    process.env.CONSOLE_DIST,
    join(root, 'web/dist'),
    ...['release', 'debug'].map((name) => join(root, 'build', name, 'web/dist')),
  ];
  const found = candidates.find((path) => path && existsSync(join(path, 'index.html')));
  if (!found) throw new Error('no built page: npm run build in web/, or name it in CONSOLE_DIST');
  return found;
}

/** `stop()` ends it. `fleet` may be changed while it runs; `broken` says what fails: "watch", "all". */
export async function startFleet({ port = 0, tokens = false, live = '', beat = true, ...of } = {}) {
  const dist = distPath();
  const fleet = new Fleet(of);
  const server = { fleet, broken: new Set(), requests: [], expired: false };
  const http = createServer((request, response) => {
    handle(server, { dist, tokens, live }, request, response).catch((error) => {
      if (response.headersSent) return response.destroy();
      const known = error instanceof Refusal ? error : new Refusal(500, 'internal', String(error));
      answer(response, { error: { code: known.code, message: known.message, hint: known.hint } }, known.status);
    });
  });
  const beats = beat ? setInterval(() => fleet.touch(), 500) : null;
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve));
  server.port = http.address().port;
  server.url = `http://localhost:${server.port}/`;
  server.cut = () => http.closeAllConnections();
  server.stop = () => {
    clearInterval(beats);
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  };
  return server;
}

function answer(response, value, status = 200) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(value));
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function handle(server, { dist, tokens, live }, request, response) {
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname.split('/').map(decodeURIComponent).join('/');
  if (server.broken.has('all') || (server.broken.has('watch') && path === '/api/fleet/watch')) return response.destroy();
  const body = await bodyOf(request);
  server.requests.push({ method: request.method, path, query: Object.fromEntries(url.searchParams), headers: request.headers, body });
  if (request.method !== 'GET' && request.headers['x-vedette'] !== '1') {
    throw new Refusal(403, 'permission_denied', "a browser's request to change something needs the header X-Vedette: 1");
  }
  const cookie = /vedette_token=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const who = !tokens
    ? { name: 'local', role: 'admin', tenant: '' }
    : (!server.expired && TOKENS[cookie]) || { name: '', role: 'none', tenant: '' };
  const identity = { ...who, token_needed: tokens };
  if (path === '/api/whoami') return answer(response, identity);
  if (path === '/api/login') {
    const { token } = JSON.parse(body);
    if (!TOKENS[token]) throw new Refusal(401, 'permission_denied', 'this is no token of this fleet', 'vedette token create makes one');
    server.expired = false;
    response.setHeader('Set-Cookie', `vedette_token=${token}; Path=/; HttpOnly; SameSite=Strict`);
    return answer(response, { ...TOKENS[token], token_needed: true });
  }
  if (path === '/api/logout') {
    response.setHeader('Set-Cookie', 'vedette_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0');
    return answer(response, {});
  }
  if (path === '/api/fleet' || path.startsWith('/api/fleet/')) return api(server, identity, request, response, url, path, body);
  if (live && (path.startsWith('/api/') || path.startsWith('/live'))) return pass(live, request, response);
  if (path.startsWith('/api/') || path.startsWith('/live')) throw new Refusal(404, 'not_found', `there is no ${path}`);
  const file = join(dist, normalize(path === '/' ? '/index.html' : path));
  if (!existsSync(file)) throw new Refusal(404, 'not_found', `there is no ${path}`);
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY });
  response.end(readFileSync(file));
}

function pass(live, request, response) {
  const target = new URL(request.url, live);
  const passed = httpRequest(
    target,
    { method: request.method, headers: { accept: request.headers.accept ?? '*/*', host: target.host } },
    (from) => {
      response.writeHead(from.statusCode, from.headers);
      from.pipe(response);
    },
  );
  passed.on('error', () => response.destroy());
  response.on('close', () => passed.destroy());
  passed.end();
}

function need(identity, role) {
  if (identity.role === 'none')
    throw new Refusal(
      401,
      'permission_denied',
      'a token is needed',
      'log in, or send Authorization: Bearer; vedette token create makes one',
    );
  if (RANKS[identity.role] < RANKS[role])
    throw new Refusal(403, 'permission_denied', `this needs the role ${role}, and token '${identity.name}' has ${identity.role}`);
}

function api({ fleet }, identity, request, response, url, path, body) {
  need(identity, 'viewer');
  const sees = (app) => !identity.tenant || app.tenant === identity.tenant;
  const names = (list) => {
    const known = list.filter((name) => sees(fleet.applications.get(name)));
    return known.length < list.length ? [...known, 'another tenant'] : known;
  };
  const shown = (app) => ({ ...app, shared_with: names(app.shared_with) });
  const apps = [...fleet.applications.values()].filter(sees);
  const find = (name) => {
    const app = fleet.applications.get(name);
    if (!app || !sees(app))
      throw new Refusal(
        404,
        'not_found',
        `there is no application '${name}'`,
        apps.length > 0 ? `did you mean '${apps[0].name}'?` : 'there is none at all',
      );
    return app;
  };
  const [, , , kind = '', name = '', action = ''] = path.split('/');
  if (request.method === 'GET') {
    switch (kind) {
      case '':
        return answer(response, {
          controller: { name: 'controller', epoch: '7f3a', version: '0.3.0', leader: fleet.leader, store: 'sqlite', lease_seconds: 2 },
          nodes: fleet.nodes.size,
          applications: apps.length,
          streams: fleet.streams().length,
          replicas: [...fleet.nodes.values()].reduce((all, node) => all + fleet.nodeOf(node).replicas, 0),
          revision: fleet.revision,
        });
      case 'nodes':
        return answer(response, {
          nodes: [...fleet.nodes.values()]
            .map((node) => fleet.nodeOf(node))
            .map((node) => ({ ...node, applications: names(node.applications) })),
        });
      case 'apps': {
        if (!name) return answer(response, { applications: apps.map((app) => shown(fleet.application(app))) });
        const detail = shown(fleet.detail(find(name)));
        for (const module of detail.graph.modules) module.users = names(module.users);
        return answer(response, detail);
      }
      case 'links':
        return answer(response, { links: fleet.links() });
      case 'streams':
        return answer(response, { streams: fleet.streams().map((stream) => ({ ...stream, users: names(stream.users) })) });
      case 'log': {
        const query = Object.fromEntries(url.searchParams);
        const fits = (line) =>
          (!query.application || line.application === query.application) &&
          (!query.node || line.node === query.node) &&
          line.id > Number(query.after ?? 0);
        const lines = fleet.lines.filter(fits);
        return answer(response, { lines: lines.slice(-Number(query.limit ?? 200)), newest: fleet.lines.length });
      }
      case 'traces': {
        const application = url.searchParams.get('application') ?? '';
        if (application) find(application);
        return answer(response, { traces: fleet.traces(application, Number(url.searchParams.get('limit') ?? 40)).filter(() => true) });
      }
      case 'watch':
        return watch(fleet, request, response);
    }
  }
  if (kind === 'nodes' && name) {
    need(identity, 'admin');
    const node = fleet.nodes.get(name);
    if (!node) throw new Refusal(404, 'not_found', `there is no node '${name}'`);
    if (request.method === 'DELETE') {
      fleet.nodes.delete(name);
      fleet.say('info', name, '', `${name} is forgotten, by ${identity.name}`);
    } else {
      node.drained = action === 'drain' ? fleet.clock() : false;
      fleet.say('info', name, '', `${name} ${node.drained ? 'is drained' : 'takes work again'} by ${identity.name}`);
    }
    return answer(response, { node: name });
  }
  if (kind === 'apps' && name) {
    need(identity, 'operator');
    if (request.method === 'PUT') return apply(fleet, identity, response, url, name, body);
    const app = find(name);
    if (request.method === 'DELETE') {
      fleet.applications.delete(name);
      fleet.say('info', '', name, `removed by ${identity.name}`);
      return answer(response, { application: name, removed: true });
    }
    app.running = action === 'start';
    fleet.say('info', '', name, `${app.running ? 'started' : 'stopped'} by ${identity.name}`);
    return answer(response, { application: name });
  }
  throw new Refusal(404, 'not_found', `there is no ${path}`);
}

function watch(fleet, request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'Content-Security-Policy': POLICY });
  const tell = (type, data) => response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  tell('fleet', { revision: fleet.revision });
  fleet.watchers.add(tell);
  request.on('close', () => fleet.watchers.delete(tell));
  response.on('close', () => fleet.watchers.delete(tell));
}

/** Enough of a check and a diff to see what the page makes of them. */
function apply(fleet, identity, response, url, name, yaml) {
  const query = url.searchParams;
  const origin = query.get('origin') || name;
  const lines = yaml.split('\n');
  const faults = [];
  lines.forEach((line, i) => {
    const type = /^\s*-\s*type:\s*(\S+)/.exec(line)?.[1];
    if (type && !MODULE_TYPES.includes(type)) faults.push(`${origin}:${i + 1}: there is no module type '${type}' (did you mean 'detect'?)`);
    const score = /^\s*score:\s*(\S+)/.exec(line)?.[1];
    if (score && !(Number(score) >= 0 && Number(score) <= 1)) faults.push(`${origin}:${i + 1}: score must be 0 to 1, not ${score}`);
    const key = /^\s+(\w+):/.exec(line)?.[1];
    if (key === 'skore') faults.push(`${origin}:${i + 1}: detect has no setting 'skore' (did you mean 'score'?)`);
  });
  if (faults.length > 0) throw new Refusal(400, 'invalid_config', faults.join('\n'));
  const tenant = /^tenant:\s*(\S+)/m.exec(yaml)?.[1] ?? '';
  if (identity.tenant && tenant !== identity.tenant)
    throw new Refusal(
      403,
      'permission_denied',
      `'${name}' belongs to tenant '${tenant}', and ${identity.name} is of tenant '${identity.tenant}'`,
      `write tenant: ${identity.tenant}`,
    );
  const before = fleet.applications.get(name);
  const late = Number(/latency_p95_ms:\s*([\d.]+)/.exec(yaml)?.[1] ?? 0);
  const fps = Number(/min_fps:\s*([\d.]+)/.exec(yaml)?.[1] ?? 0);
  const changes = changesOf(before, yaml, name);
  const refused =
    late > 0 && late < 60
      ? { message: `${name} cannot keep p95 ${late} ms: the best is 84 ms on gpu-1`, best: { latency_p95_ms: 84, fps: 15 } }
      : null;
  const applied = {
    application: name,
    version: before?.version ?? 0,
    changes,
    effect:
      changes.length === 0
        ? []
        : [
            `detect of yard on box-1 is shared with gate-log (yard-ops), heat-map (lab)`,
            `track on box-1 starts`,
            ...(before ? [] : [`decode of yard on cam-1 is shared with people (front-desk)`]),
          ],
    prediction: changes.length === 0 ? null : { latency_p95_ms: 143, fps: 15, met: !refused },
    refused,
    dry_run: query.get('dry_run') === '1',
  };
  if (applied.dry_run) return answer(response, applied);
  if (refused && query.get('force') !== '1')
    throw new Refusal(
      409,
      'invalid_config',
      refused.message,
      'ask for less, allow it to adapt, or add a node; --force applies it all the same',
    );
  const now = fleet.clock();
  const app = before ?? {
    name,
    sources: ['yard'],
    modules: [
      ['detect', 'detect', ['source'], 'box-1', 31],
      ['track', 'track', ['detect'], 'box-1', 1],
    ],
    running: true,
    created: now,
    version: 0,
    versions: [],
  };
  Object.assign(app, { tenant, yaml, objective: [late, fps], version: app.version + 1, fails: undefined });
  app.versions = [
    ...app.versions,
    { version: app.version, time: now, who: identity.name, text: before ? changes.map((one) => one.name).join(', ') : 'created' },
  ];
  fleet.applications.set(name, app);
  fleet.say('info', '', name, `version ${app.version} by ${identity.name}`);
  return answer(response, { ...applied, version: app.version });
}

function changesOf(before, yaml, name) {
  if (!before) return [{ what: 'add', kind: 'application', name, from: null, to: null }];
  const pick = (text) => new Map([...text.matchAll(/^\s*(\w+): (.+)$/gm)].map(([, key, value]) => [key, value]));
  const [old, now] = [pick(before.yaml), pick(yaml)];
  const types = (text) => [...text.matchAll(/- type: (\S+)/g)].map(([, type]) => type);
  const changes = [];
  for (const [key, value] of now) {
    if (['type', 'objective'].includes(key) || !old.has(key) || old.get(key) === value) continue;
    changes.push({ what: 'change', kind: 'setting', name: key === 'score' ? 'detect.score' : key, from: old.get(key), to: value });
  }
  for (const key of ['latency_p95_ms', 'min_fps']) {
    const [from, to] = [before.yaml, yaml].map((text) => new RegExp(`${key}: ([\\d.]+)`).exec(text)?.[1] ?? null);
    if (from !== to) changes.push({ what: 'change', kind: 'objective', name: key, from, to });
  }
  for (const type of types(yaml))
    if (!types(before.yaml).includes(type)) changes.push({ what: 'add', kind: 'module', name: type, from: null, to: null });
  for (const type of types(before.yaml))
    if (!types(yaml).includes(type)) changes.push({ what: 'remove', kind: 'module', name: type, from: null, to: null });
  return changes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rest = process.argv.slice(2);
  const live = rest.includes('--live') ? rest[rest.indexOf('--live') + 1] : '';
  const port = Number(rest[0]);
  const server = await startFleet({
    port: port >= 0 ? port : 0,
    tokens: rest.includes('--tokens'),
    hostile: rest.includes('--hostile'),
    empty: rest.includes('--empty'),
    live,
  });
  setInterval(() => {
    const [node, app] = [[...server.fleet.nodes.keys()], [...server.fleet.applications.keys()]].map(
      (list) => list[Math.floor(Math.random() * list.length)] ?? '',
    );
    if (node && app) server.fleet.say('info', node, app, `queue of detect is short again after ${(1 + Math.random() * 3).toFixed(1)} s`);
  }, 5000);
  console.log(`ready ${server.url}`);
}
