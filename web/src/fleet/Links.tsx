import { bytes, count, ms, msOf } from '../format';
import { Dot, toneOf } from '../parts/Dot';
import { Problem } from '../parts/Problem';
import { Choice } from '../parts/Toggle';
import { useRemembered } from '../store';
import type { Answer } from './store';
import type { FleetLink, FleetNode } from './types';

const FORMS = [
  ['list', 'List'],
  ['matrix', 'Matrix'],
] as const;
const MOST_IN_MATRIX = 24;
const ROWS = 200;
const ORDER = { bad: 0, warn: 1, idle: 2, good: 3 };

export function Links({ answer, nodes }: { answer: Answer<{ links: FleetLink[] }>; nodes: FleetNode[] }) {
  const [form, setForm] = useRemembered<'list' | 'matrix'>('links.form', 'list');
  const links = [...(answer.data?.links ?? [])].sort(
    (a, b) => ORDER[toneOf(a.state)] - ORDER[toneOf(b.state)] || compare(a.from, b.from) || compare(a.to, b.to),
  );
  const total = links.reduce((all, link) => all + link.bytes_rate, 0);
  const ends = [...new Set([...nodes.map((node) => node.name), ...links.flatMap((link) => [link.from, link.to])])].sort((a, b) =>
    compare(a, b),
  );
  const used = ends.filter((name) => links.some((link) => link.from === name || link.to === name));
  return (
    <section id="links" class="panel links" aria-labelledby="links-title">
      <div class="panel-head">
        <h2 id="links-title">Links</h2>
        <span class="muted">{links.length > 0 && `${count(links.length)}, ${bytes(total)}/s together`}</span>
        <span class="tools">{links.length > 0 && <Choice label="Form" value={form} all={FORMS} set={setForm} />}</span>
      </div>
      {answer.error && !answer.data ? (
        <Problem error={answer.error} />
      ) : links.length === 0 ? (
        <p class="empty">
          No links. Nodes link up when the modules of an application, or a camera and its modules, run on different machines.
        </p>
      ) : form === 'matrix' && used.length <= MOST_IN_MATRIX ? (
        <Matrix links={links} ends={used} />
      ) : (
        <List links={links.slice(0, ROWS)} />
      )}
    </section>
  );
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}

function List({ links }: { links: FleetLink[] }) {
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr>
            <th scope="col">From → to</th>
            <th scope="col">State</th>
            <th scope="col" class="n">
              Now
            </th>
            <th scope="col" class="n">
              Can carry
            </th>
            <th scope="col" class="n">
              Round trip ms
            </th>
            <th scope="col" class="n">
              Clock off ms
            </th>
            <th scope="col" class="n">
              Send p95 ms
            </th>
            <th scope="col" class="n">
              Gaps
            </th>
            <th scope="col" class="n">
              Reconnects
            </th>
          </tr>
        </thead>
        <tbody>
          {links.map((link) => (
            <LinkRow key={`${link.from} ${link.to}`} link={link} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LinkRow({ link }: { link: FleetLink }) {
  const full = link.bytes_per_second > 0 ? Math.min(link.bytes_rate / link.bytes_per_second, 1) : 0;
  return (
    <>
      <tr>
        <th scope="row" title={link.address}>
          {link.from} <span class="muted">→</span> {link.to}
        </th>
        <td data-label="State">
          <span class="state">
            <Dot tone={toneOf(link.state)} />
            {link.state}
          </span>
        </td>
        <td class="n" data-label="Now">
          {bytes(link.bytes_rate)}/s
          <span class="meter small" aria-hidden="true">
            <span class={full > 0.8 ? 'warn' : ''} style={{ width: `${full * 100}%` }} />
          </span>
        </td>
        <td class="n wide-only" data-label="Can carry">
          {link.bytes_per_second > 0 ? `${bytes(link.bytes_per_second)}/s` : '–'}
        </td>
        <td class="n" data-label="Round trip ms">
          {ms(link.rtt_seconds * 1000)}
        </td>
        <td class="n wide-only" data-label="Clock off ms">
          {ms2(link.clock_offset_seconds)}
        </td>
        <td class="n wide-only" data-label="Send p95 ms">
          {msOf(link.send, link.send.p95)}
        </td>
        <td class={`n ${link.gaps > 0 ? 'bad-text strong' : ''}`} data-label="Gaps">
          {count(link.gaps)}
        </td>
        <td class="n wide-only" data-label="Reconnects">
          {count(link.reconnects)}
        </td>
      </tr>
      {link.last_error && link.state !== 'up' && (
        <tr class="detail">
          <td colSpan={9}>
            <span class="bad-text">Last error:</span> {link.last_error}
          </td>
        </tr>
      )}
    </>
  );
}

/** Milliseconds with their sign. */
function ms2(seconds: number): string {
  return `${seconds < 0 ? '−' : '+'}${ms(Math.abs(seconds) * 1000)}`;
}

function Matrix({ links, ends }: { links: FleetLink[]; ends: string[] }) {
  const of = new Map(links.map((link) => [JSON.stringify([link.from, link.to]), link]));
  const most = Math.max(1, ...links.map((link) => link.bytes_rate));
  return (
    <div class="table-box matrix-box" tabIndex={0} role="group" aria-label="Rates from row to column">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">
              <span class="muted">from ↓ to →</span>
            </th>
            {ends.map((to) => (
              <th scope="col" key={to}>
                {to}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ends.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {ends.map((to) => {
                const link = of.get(JSON.stringify([from, to]));
                if (!link) return <td key={to} class={from === to ? 'same' : ''} />;
                const tone = toneOf(link.state);
                const title = `${from} → ${to}: ${link.state}, ${bytes(link.bytes_rate)}/s, round trip ${ms(link.rtt_seconds * 1000)} ms, ${count(link.gaps)} gaps`;
                return (
                  <td key={to} class={`cell ${tone}`} title={title} style={{ '--share': String(link.bytes_rate / most) }}>
                    {tone === 'good' ? `${bytes(link.bytes_rate)}/s` : link.state}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
