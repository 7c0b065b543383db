import { clockOf, count, dateOf, msOf, plural, rate, sum } from '../format';
import { Dot, toneOf } from '../parts/Dot';
import { Dropped } from '../parts/Modules';
import { Problem } from '../parts/Problem';
import { go, hashOf } from '../route';
import { session } from '../session';
import { ApplicationActions } from './ApplicationActions';
import { Editor } from './Editor';
import { Names } from './FleetStreams';
import { Gauge } from './Gauge';
import { Graph, machinesOf } from './Graph';
import { LatencyChart } from './LatencyChart';
import { Log } from './Log';
import { useAnswer } from './store';
import type { ApplicationDetail, GraphModule } from './types';

export function ApplicationPage({ name, yaml }: { name: string; yaml: boolean }) {
  const answer = useAnswer<ApplicationDetail>(`/api/fleet/apps/${encodeURIComponent(name)}`);
  const app = answer.data;
  if (!app) {
    return (
      <main id="main" tabIndex={-1} class="page">
        <section class="panel">
          <div class="panel-head">
            <h1>{name}</h1>
          </div>
          {answer.error ? <Problem error={answer.error} /> : <p class="empty">Asking…</p>}
          <p class="note">
            <a href="#/apps">All applications</a>
          </p>
        </section>
      </main>
    );
  }
  return (
    <main id="main" tabIndex={-1} class="page app-page" data-tab={yaml ? 'yaml' : 'overview'}>
      <Head app={app} yaml={yaml} />
      {yaml ? (
        <Editor key={app.name} name={app.name} present={app.yaml} version={app.version} readOnly={!session.can('operator')} />
      ) : (
        <>
          <section class="panel graph-panel" aria-labelledby="graph-title">
            <div class="panel-head">
              <h2 id="graph-title">Graph</h2>
              <span class="muted">
                {plural(app.graph.sources.length, 'source')}, {plural(app.graph.modules.length, 'module')},{' '}
                {plural(machinesOf(app.graph).size, 'node')}
              </span>
            </div>
            <Graph graph={app.graph} application={app.name} />
          </section>
          <LatencyChart application={app} />
          <Log application={app.name} nodes={app.nodes} applications={[]} />
          <ModulesOf app={app} />
        </>
      )}
      <Versions app={app} />
    </main>
  );
}

function Head({ app, yaml }: { app: ApplicationDetail; yaml: boolean }) {
  const { latency, objective, prediction } = app;
  const p95 = latency.count > 0 ? latency.p95 * 1000 : null;
  const late = p95 !== null && objective.latency_p95_ms > 0 && p95 > objective.latency_p95_ms;
  const slow = app.met === false && objective.min_fps > 0 && app.fps < objective.min_fps;
  const bad = app.met === false || toneOf(app.state) === 'bad';
  const drops = sum(app.dropped);
  return (
    <section class="card app-head" aria-labelledby="app-title">
      <div class="app-name">
        <h1 id="app-title">{app.name}</h1>
        <span class="muted">
          {app.tenant} · version {app.version} · priority {app.priority}
        </span>
        <span class="state">
          <Dot tone={toneOf(app.state)} />
          {app.state}
          {app.level > 0 && <span class="warn-text">, {app.level_text || `lowered ${app.level} ×`}</span>}
        </span>
        {app.shared_with.length > 0 && (
          <span class="muted">
            shares with <Names names={app.shared_with} />
          </span>
        )}
      </div>
      <div class="gauges">
        <Gauge
          name="Latency p95"
          value={msOf(latency, latency.p95)}
          unit="ms"
          share={p95 !== null && objective.latency_p95_ms > 0 ? p95 / objective.latency_p95_ms : null}
          predicted={prediction && objective.latency_p95_ms > 0 ? prediction.latency_p95_ms / objective.latency_p95_ms : null}
          bad={late}
          note={objective.latency_p95_ms > 0 ? `${late ? 'above' : 'within'} ${objective.latency_p95_ms} ms` : 'no objective'}
        />
        <Gauge
          name="Frames"
          value={rate(app.fps)}
          unit="/s"
          share={objective.min_fps > 0 && latency.count > 0 ? app.fps / objective.min_fps : null}
          predicted={prediction && objective.min_fps > 0 ? prediction.fps / objective.min_fps : null}
          bad={slow}
          note={objective.min_fps > 0 ? `${slow ? 'below' : 'of at least'} ${objective.min_fps} /s` : 'no objective'}
        />
        <dl class="few">
          <dt>p50 / p99</dt>
          <dd>
            {msOf(latency, latency.p50)} / {msOf(latency, latency.p99)} ms
          </dd>
          <dt>Delivered</dt>
          <dd>{count(app.delivered)}</dd>
          <dt>Dropped</dt>
          <dd>{count(drops)}</dd>
          <dt>Lost by links</dt>
          <dd class={app.gaps > 0 ? 'bad-text' : ''}>{count(app.gaps)}</dd>
        </dl>
      </div>
      <p class="why">
        {app.why && (
          <>
            <span class={bad ? 'bad-text strong' : 'warn-text strong'}>{bad ? 'Why: ' : 'Note: '}</span>
            {app.why}
          </>
        )}
        {!app.why && app.met === true && <span class="good-text">✓ The objective is met</span>}
        {!app.why && app.met === null && (
          <span class="muted">{app.state === 'stopped' ? 'It is stopped' : 'Nothing to hold it to yet'}</span>
        )}
        {prediction && (
          <span class="muted">
            {' '}
            · planned for p95 {Math.round(prediction.latency_p95_ms)} ms at {rate(prediction.fps)} /s
          </span>
        )}
      </p>
      <div class="app-bar">
        <nav class="tabs" aria-label={`Views of ${app.name}`}>
          <a href={hashOf('apps', app.name)} aria-current={yaml ? undefined : 'page'}>
            Overview
          </a>
          <a href={hashOf('apps', app.name, 'yaml')} aria-current={yaml ? 'page' : undefined}>
            YAML
          </a>
          <a href={hashOf('traces', app.name)}>Traces</a>
        </nav>
        <ApplicationActions app={app} deleted={() => go('apps')} />
      </div>
    </section>
  );
}

function ModulesOf({ app }: { app: ApplicationDetail }) {
  return (
    <section id="modules" class="panel modules" aria-labelledby="modules-title">
      <div class="panel-head">
        <h2 id="modules-title">Modules</h2>
        <span class="muted">rates and times of the last 10 s</span>
      </div>
      <div class="table-box">
        <table>
          <thead>
            <tr>
              <th scope="col">Module</th>
              <th scope="col">Nodes</th>
              <th scope="col">Users</th>
              <th scope="col" class="n">
                Rate /s
              </th>
              <th scope="col" class="n">
                Queue
              </th>
              <th scope="col" class="n">
                Wait p50 / p95 ms
              </th>
              <th scope="col" class="n">
                Run p50 / p95 ms
              </th>
              <th scope="col">Dropped</th>
              <th scope="col" class="n">
                Errors
              </th>
            </tr>
          </thead>
          <tbody>
            {app.graph.modules.map((module) => (
              <ModuleRow key={module.name} module={module} own={app.name} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ModuleRow({ module, own }: { module: GraphModule; own: string }) {
  const full = module.queue_capacity > 0 ? Math.min(module.queue_depth / module.queue_capacity, 1) : 0;
  const others = module.users.filter((user) => user !== own);
  return (
    <>
      <tr>
        <th scope="row">
          {module.name}
          {module.type !== module.name && <span class="muted"> {module.type}</span>}
        </th>
        <td data-label="Nodes">{module.nodes.join(', ') || '–'}</td>
        <td data-label="Users">{others.length === 0 ? <span class="muted">this one</span> : <Names names={others} />}</td>
        <td class="n" data-label="Rate /s">
          {rate(module.fps)}
        </td>
        <td class="n" data-label="Queue">
          {module.queue_depth}
          <span class="muted"> / {module.queue_capacity}</span>
          <span class="meter small" aria-hidden="true">
            <span class={full > 0.8 ? 'warn' : ''} style={{ width: `${full * 100}%` }} />
          </span>
        </td>
        <td class="n" data-label="Wait p50 / p95 ms">
          {msOf(module.wait, module.wait.p50)} <span class="muted">/</span> {msOf(module.wait, module.wait.p95)}
        </td>
        <td class="n" data-label="Run p50 / p95 ms">
          {msOf(module.execution, module.execution.p50)} <span class="muted">/</span> {msOf(module.execution, module.execution.p95)}
        </td>
        <td data-label="Dropped">
          <Dropped counts={module.dropped} />
        </td>
        <td class={`n ${module.errors > 0 ? 'bad-text strong' : ''}`} data-label="Errors">
          {count(module.errors)}
        </td>
      </tr>
      {module.errors > 0 && module.last_error && (
        <tr class="detail">
          <td colSpan={9}>
            <span class="bad-text">Last error:</span> {module.last_error}
          </td>
        </tr>
      )}
    </>
  );
}

function Versions({ app }: { app: ApplicationDetail }) {
  const versions = [...app.versions].sort((a, b) => b.version - a.version);
  return (
    <section class="panel versions" aria-labelledby="versions-title">
      <div class="panel-head">
        <h2 id="versions-title">Versions</h2>
        <span class="muted">created {dateOf(app.created)}</span>
      </div>
      <ol class="event-list">
        {versions.map((version) => (
          <li key={version.version}>
            <time dateTime={new Date(version.time * 1000).toISOString()} title={clockOf(version.time)}>
              {dateOf(version.time)}
            </time>
            <span class="mark">{version.version}</span>
            <span class="what">
              {version.text}
              <span class="about muted">{version.who}</span>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
