import { useState } from 'preact/hooks';
import { api } from '../api';
import { bytes, safeUrl } from '../format';
import { Confirm } from '../parts/Confirm';
import { Dot, toneOf } from '../parts/Dot';
import { Meter } from '../parts/Figure';
import { attempt } from '../parts/Notices';
import { Problem } from '../parts/Problem';
import { session } from '../session';
import { Filter, matches } from './Filter';
import { useSteady } from './steady';
import { type Answer, fleet } from './store';
import type { FleetNode, Overview } from './types';

const ORDER = { bad: 0, warn: 1, idle: 2, good: 3 };
const ROWS = 200;
const BUSY = 0.85;

interface NodesProps {
  answer: Answer<{ nodes: FleetNode[] }>;
  controller: Overview['controller'] | null;
}

export function Nodes({ answer, controller }: NodesProps) {
  const [text, setText] = useState('');
  const all = answer.data?.nodes ?? [];
  const nodes = all
    .filter((node) => matches(text, [node.name, node.state, ...Object.entries(node.labels).map(([key, value]) => `${key}=${value}`)]))
    .sort((a, b) => ORDER[toneOf(a.state)] - ORDER[toneOf(b.state)] || a.name.localeCompare(b.name, undefined, { numeric: true }));
  const steady = useSteady(nodes, (node) => node.name);
  return (
    <section id="nodes" class="panel nodes" aria-labelledby="nodes-title">
      <div class="panel-head">
        <h2 id="nodes-title">Nodes</h2>
        <span class="muted">{nodes.length > ROWS ? `the first ${ROWS} of ${nodes.length}` : ''}</span>
        <span class="tools">{all.length > 1 && <Filter label="Find nodes" text={text} set={setText} />}</span>
      </div>
      {!answer.data ? (
        answer.error ? (
          <Problem error={answer.error} />
        ) : (
          <p class="empty">Asking…</p>
        )
      ) : nodes.length === 0 ? (
        <p class="empty">
          {all.length > 0 ? (
            'No node matches.'
          ) : (
            <>
              No node has joined yet. On each machine: <code>vedette node --set controllers=[{window.location.origin}]</code>
            </>
          )}
        </p>
      ) : (
        <div class="table-box" {...steady.hold}>
          <table>
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">State</th>
                <th scope="col">Cores in use</th>
                <th scope="col">Memory</th>
                <th scope="col" class="n">
                  Streams
                </th>
                <th scope="col" class="n">
                  Replicas
                </th>
                <th scope="col" class="n">
                  Lease
                </th>
                <th scope="col">Version</th>
                <th scope="col">
                  <span class="unseen">What can be done</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {steady.items.slice(0, ROWS).map((node) => (
                <Row key={node.name} node={node} controller={controller} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ node, controller }: { node: FleetNode; controller: Overview['controller'] | null }) {
  const url = safeUrl(node.console);
  const gone = node.state === 'lost' || node.state === 'refused';
  const lease = controller?.lease_seconds ?? 0;
  const differs = controller !== null && node.version !== '' && node.version !== controller.version;
  const labels = Object.entries(node.labels);
  return (
    <>
      <tr data-node={node.name} class={gone ? 'gone' : ''}>
        <th scope="row">
          {url ? (
            <a href={url} rel="noreferrer" title={`The console of ${node.name}: ${url}`}>
              {node.name}
            </a>
          ) : (
            node.name
          )}
          {labels.length > 0 && (
            <span class="chips labels">
              {labels.slice(0, 4).map(([key, value]) => (
                <span class="chip" key={key}>
                  {key}={value}
                </span>
              ))}
            </span>
          )}
        </th>
        <td data-label="State">
          <span class="state">
            <Dot tone={toneOf(node.state)} />
            {node.state}
          </span>
          {node.plan_version !== node.wanted_version && !gone && (
            <span class="below muted" title="The plan that it runs, and the one that it should">
              plan {node.plan_version} → {node.wanted_version}
            </span>
          )}
        </td>
        <td data-label="Cores in use" class="load">
          <Load
            value={node.machine_cpu}
            inner={node.cpu}
            limit={node.cores}
            text={gone ? '–' : `${node.cpu.toFixed(1)} of ${Number(node.cores.toFixed(1))}`}
            title={`${node.cpu.toFixed(2)} cores by Vedette, ${node.machine_cpu.toFixed(2)} by everything on the machine; one core is ${node.speed.toFixed(2)} × the reference`}
          />
        </td>
        <td data-label="Memory" class="load">
          <Load
            value={node.memory_used_bytes}
            inner={node.memory_used_bytes}
            limit={node.memory_bytes}
            text={gone ? '–' : bytes(node.memory_used_bytes)}
            title={`of ${bytes(node.memory_bytes)}`}
          />
        </td>
        <td class="n" data-label="Streams">
          {node.streams}
        </td>
        <td class="n" data-label="Replicas" title={node.applications.length > 0 ? `of ${node.applications.join(', ')}` : undefined}>
          {node.replicas}
        </td>
        <td class="n" data-label="Lease">
          {gone ? '–' : `${node.lease_left.toFixed(1)} s`}
          {!gone && lease > 0 && <Meter small value={Math.min(node.lease_left, lease)} limit={lease} />}
        </td>
        <td
          data-label="Version"
          class={differs ? 'warn-text' : 'muted wide-only'}
          title={differs ? `the controller is ${controller.version}` : undefined}
        >
          {node.version || '–'}
        </td>
        <td class="actions">
          <Actions node={node} gone={gone} />
        </td>
      </tr>
      {node.plan_error && (
        <tr class="detail">
          <td colSpan={9}>
            <span class="bad-text">{node.state === 'refused' ? 'Refused:' : 'Plan failed:'}</span> {node.plan_error}
          </td>
        </tr>
      )}
    </>
  );
}

/** What the process takes of the machine, and everything else on it, fainter. */
function Load({ value, inner, limit, text, title }: { value: number; inner: number; limit: number; text: string; title: string }) {
  const share = (of: number) => `${limit > 0 ? Math.min(of / limit, 1) * 100 : 0}%`;
  return (
    <span class="load-box" title={title}>
      <span class="load-text">{text}</span>
      <span class="load-bar" aria-hidden="true">
        <span class="load-all" style={{ width: share(Math.max(value, inner)) }} />
        <span class={limit > 0 && Math.max(value, inner) / limit > BUSY ? 'load-own warn' : 'load-own'} style={{ width: share(inner) }} />
      </span>
    </span>
  );
}

function Actions({ node, gone }: { node: FleetNode; gone: boolean }) {
  const [asking, setAsking] = useState<'drain' | 'forget' | null>(null);
  const [busy, setBusy] = useState(false);
  if (!session.can('admin') || session.who.tenant) return null;
  const path = `/api/fleet/nodes/${encodeURIComponent(node.name)}`;
  const act = async (work: () => Promise<unknown>, done: string) => {
    setBusy(true);
    await attempt(work, done);
    setBusy(false);
    fleet.refresh();
  };
  const drained = node.state === 'drained' || node.state === 'draining';
  return (
    <>
      {gone ? (
        <button type="button" disabled={busy} onClick={() => setAsking('forget')} aria-label={`Forget ${node.name}`}>
          Forget
        </button>
      ) : drained ? (
        <button
          type="button"
          disabled={busy}
          aria-label={`Undrain ${node.name}`}
          onClick={() => void act(() => api('POST', `${path}/undrain`), `${node.name} takes work again`)}
        >
          Undrain
        </button>
      ) : (
        <button type="button" disabled={busy} onClick={() => setAsking('drain')} aria-label={`Drain ${node.name}`}>
          Drain
        </button>
      )}
      {asking === 'drain' && (
        <Confirm
          title={`Drain ${node.name}?`}
          yes="Drain"
          answer={(agreed) => {
            setAsking(null);
            if (agreed) void act(() => api('POST', `${path}/drain`), `${node.name} is being drained`);
          }}
        >
          What runs there moves to other nodes, and nothing new comes. What is pinned to it waits until it takes work again.
        </Confirm>
      )}
      {asking === 'forget' && (
        <Confirm
          title={`Forget ${node.name}?`}
          yes="Forget"
          danger
          answer={(agreed) => {
            setAsking(null);
            if (agreed) void act(() => api('DELETE', path), `${node.name} is forgotten`);
          }}
        >
          Its record, labels and measured profiles go. Should it come back, it joins as a new node.
        </Confirm>
      )}
    </>
  );
}
