import { useState } from 'preact/hooks';
import { count, msOf, plural, rate, sum } from '../format';
import { Dot, toneOf } from '../parts/Dot';
import { Problem } from '../parts/Problem';
import { Select } from '../parts/Toggle';
import { hashOf } from '../route';
import { session } from '../session';
import { ApplicationActions } from './ApplicationActions';
import { Filter, matches } from './Filter';
import { Names } from './FleetStreams';
import { useSteady } from './steady';
import { APPS, useAnswer } from './store';
import type { FleetApplication } from './types';

const ROWS = 200;
const ORDER = { bad: 0, warn: 1, good: 2, idle: 3 };

function unique(values: string[]): string[] {
  return [...new Set(values)].filter(Boolean).sort();
}

function rank(app: FleetApplication): number {
  return app.met === false ? Math.min(ORDER[toneOf(app.state)], ORDER.warn) : ORDER[toneOf(app.state)];
}

export function ApplicationsPage() {
  const answer = useAnswer<{ applications: FleetApplication[] }>(APPS);
  const [text, setText] = useState('');
  const [tenant, setTenant] = useState('');
  const [state, setState] = useState('');
  const all = answer.data?.applications ?? [];
  const shown = all
    .filter((app) => (!tenant || app.tenant === tenant) && (!state || app.state === state))
    .filter((app) => matches(text, [app.name, app.tenant, app.state, ...app.nodes, ...app.streams]))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
  const steady = useSteady(shown, (app) => app.name);
  const tenants = unique(all.map((app) => app.tenant));
  return (
    <main id="main" tabIndex={-1} class="page">
      <section class="panel apps" aria-labelledby="apps-title">
        <div class="panel-head">
          <h1 id="apps-title">Applications</h1>
          <span class="muted">
            {shown.length > ROWS ? `the first ${ROWS} of ${shown.length}` : all.length > 0 && plural(all.length, 'application')}
          </span>
          <span class="tools">
            {all.length > 1 && (
              <>
                <Filter label="Find applications" text={text} set={setText} />
                {tenants.length > 1 && <Select label="Tenant" every="All tenants" value={tenant} all={tenants} set={setTenant} plain />}
                <Select label="State" every="All states" value={state} all={unique(all.map((app) => app.state))} set={setState} />
              </>
            )}
            {session.can('operator') && (
              <a class="button primary" href="#/new">
                New application
              </a>
            )}
          </span>
        </div>
        {!answer.data ? (
          answer.error ? (
            <Problem error={answer.error} />
          ) : (
            <p class="empty">Asking…</p>
          )
        ) : shown.length === 0 ? (
          <p class="empty">
            {all.length > 0 ? (
              'No application matches.'
            ) : (
              <>
                No application yet: <code>vedette apply -f apps/people.yaml</code>
              </>
            )}
          </p>
        ) : (
          <div class="table-box" {...steady.hold}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Application</th>
                  <th scope="col">State</th>
                  <th scope="col">Objective</th>
                  <th scope="col" class="n">
                    Latency p50 / p95 / p99 ms
                  </th>
                  <th scope="col" class="n">
                    Frames /s
                  </th>
                  <th scope="col" class="n">
                    Dropped
                  </th>
                  <th scope="col">Level</th>
                  <th scope="col">Shared with</th>
                  <th scope="col">
                    <span class="unseen">What can be done</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {steady.items.slice(0, ROWS).map((app) => (
                  <Row key={app.name} app={app} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </main>
  );
}

function Row({ app }: { app: FleetApplication }) {
  const { latency, objective } = app;
  const late = objective.latency_p95_ms > 0 && latency.count > 0 && latency.p95 * 1000 > objective.latency_p95_ms;
  const drops = sum(app.dropped) + app.gaps;
  const bad = app.met === false || toneOf(app.state) === 'bad';
  return (
    <>
      <tr data-app={app.name}>
        <th scope="row">
          <a href={hashOf('apps', app.name)}>{app.name}</a>
          <span class="below muted">{app.tenant}</span>
        </th>
        <td data-label="State">
          <span class="state">
            <Dot tone={toneOf(app.state)} />
            {app.state}
          </span>
        </td>
        <td data-label="Objective">
          <Met app={app} />
        </td>
        <td class="n" data-label="p50 / p95 / p99 ms">
          {msOf(latency, latency.p50)} <span class="muted">/</span>{' '}
          <span class={late ? 'bad-text strong' : 'strong'}>{msOf(latency, latency.p95)}</span> <span class="muted">/</span>{' '}
          {msOf(latency, latency.p99)}
        </td>
        <td class="n" data-label="Frames /s">
          {app.state === 'stopped' ? '–' : rate(app.fps)}
        </td>
        <td class="n" data-label="Drops" title={app.gaps > 0 ? `${count(app.gaps)} of them lost by links` : undefined}>
          {count(drops)}
        </td>
        <td data-label="Level" class={app.level > 0 ? 'warn-text' : 'muted'}>
          {app.level > 0 ? app.level_text || `lowered ${app.level} ×` : 'full'}
        </td>
        <td data-label="Shared with">
          <Names names={app.shared_with} />
        </td>
        <td class="actions">
          <ApplicationActions app={app} />
        </td>
      </tr>
      {app.why && (
        <tr class="detail">
          <td colSpan={9}>
            <span class={bad ? 'bad-text' : 'warn-text'}>{bad ? 'Why:' : 'Note:'}</span> {app.why}
          </td>
        </tr>
      )}
    </>
  );
}

/** What was asked for, and whether it is so. */
export function Met({ app }: { app: FleetApplication }) {
  const { latency_p95_ms: late, min_fps: fps } = app.objective;
  const asked = [late > 0 ? `≤ ${late} ms` : '', fps > 0 ? `≥ ${fps} /s` : ''].filter(Boolean).join(', ');
  if (asked === '') return <span class="muted">none</span>;
  return (
    <span class="met">
      <span class={app.met === null ? 'muted' : app.met ? 'good-text' : 'bad-text strong'}>
        {app.met === null ? 'not measured' : app.met ? '✓ met' : '✕ missed'}
      </span>
      <span class="muted"> {asked}</span>
    </span>
  );
}
