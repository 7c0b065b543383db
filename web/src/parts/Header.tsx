import { useEffect } from 'preact/hooks';
import { useFleet } from '../fleet/store';
import { span } from '../format';
import type { Route } from '../route';
import { session } from '../session';
import { useRemembered, useStore } from '../store';
import { Dot } from './Dot';
import { attempt } from './Notices';

type Theme = 'auto' | 'light' | 'dark';
const THEMES: Theme[] = ['auto', 'light', 'dark'];

const FOLLOWING = { watching: 'Connected', asking: 'Asking', lost: 'Not connected' } as const;

export function Header({ route }: { route: Route }) {
  const [theme, setTheme] = useRemembered<Theme>('theme', 'auto');
  useEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    window.dispatchEvent(new Event('themechange'));
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
  return (
    <header class="bar">
      <a class="brand" href="/">
        <img src="/mark.svg" alt="" width="24" height="24" />
        Vedette
      </a>
      {session.mode === 'program' && <Sections />}
      {session.mode === 'fleet' && <Pages route={route} />}
      <span class="bar-end">
        {session.mode === 'program' || (session.mode === 'fleet' && route.page === 'live') ? <Connection /> : null}
        {session.mode === 'fleet' && route.page !== 'live' && <FleetConnection />}
        {(session.mode === 'program' || session.mode === 'fleet') && session.who.token_needed && <Who />}
        <button type="button" class="quiet" onClick={() => setTheme(next)} aria-label={`Theme: ${theme}. Switch to ${next}`}>
          <span aria-hidden="true">{theme === 'auto' ? '◐' : theme === 'light' ? '☀' : '☾'}</span>
          <span class="wide-only">{theme}</span>
        </button>
      </span>
    </header>
  );
}

function Sections() {
  return (
    <nav aria-label="Sections">
      <a href="#live">Live</a>
      <a href="#events">Events</a>
      <a href="#zones">Zones</a>
      <a href="#modules">Modules</a>
      <a href="#streams">Streams</a>
    </nav>
  );
}

function Pages({ route }: { route: Route }) {
  const here = route.page === 'app' || route.page === 'new' ? 'apps' : route.page;
  const link = (page: Route['page'], hash: string, text: string) => (
    <a href={hash} aria-current={here === page ? 'page' : undefined}>
      {text}
    </a>
  );
  return (
    <nav aria-label="Pages">
      {link('fleet', '#/fleet', 'Fleet')}
      {link('apps', '#/apps', 'Applications')}
      {link('traces', '#/traces', 'Traces')}
      {session.hasLive && link('live', '#/live', 'Live')}
    </nav>
  );
}

function Connection() {
  const connection = useStore((store) => store.connection);
  const status = useStore((store) => store.status);
  return (
    <span class="connection">
      <Dot tone={connection === 'open' ? 'good' : connection === 'lost' ? 'bad' : 'idle'} />
      {connection === 'open' ? 'Connected' : connection === 'lost' ? 'Not connected' : 'Connecting'}
      {connection === 'open' && status && <span class="muted"> · up {span(status.uptime_seconds)}</span>}
    </span>
  );
}

function FleetConnection() {
  const following = useFleet((fleet) => fleet.following);
  const title = following === 'asking' ? 'The stream of changes is broken: asked every two seconds instead' : undefined;
  return (
    <span class="connection" title={title} data-following={following}>
      <Dot tone={following === 'watching' ? 'good' : following === 'lost' ? 'bad' : 'warn'} />
      {FOLLOWING[following]}
    </span>
  );
}

function Who() {
  const { name, role, tenant } = session.who;
  return (
    <span class="who">
      <span class="who-name" title={tenant ? `${name}, of ${tenant}` : name}>
        {name}
        {tenant && <span class="muted"> of {tenant}</span>}
      </span>
      <span class="badge">{role}</span>
      <button type="button" class="quiet" onClick={() => void attempt(() => session.signOut(), 'Signed out')}>
        Sign out
      </button>
    </span>
  );
}
