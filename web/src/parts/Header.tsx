import { useEffect } from 'preact/hooks';
import { span } from '../format';
import { useRemembered, useStore } from '../store';
import { Dot } from './Dot';

type Theme = 'auto' | 'light' | 'dark';
const THEMES: Theme[] = ['auto', 'light', 'dark'];

export function Header() {
  const connection = useStore((store) => store.connection);
  const status = useStore((store) => store.status);
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
      <nav aria-label="Sections">
        <a href="#live">Live</a>
        <a href="#events">Events</a>
        <a href="#zones">Zones</a>
        <a href="#modules">Modules</a>
        <a href="#streams">Streams</a>
      </nav>
      <span class="bar-end">
        <span class="connection">
          <Dot tone={connection === 'open' ? 'good' : connection === 'lost' ? 'bad' : 'idle'} />
          {connection === 'open' ? 'Connected' : connection === 'lost' ? 'Not connected' : 'Connecting'}
          {connection === 'open' && status && <span class="muted"> · up {span(status.uptime_seconds)}</span>}
        </span>
        <button type="button" class="quiet" onClick={() => setTheme(next)} aria-label={`Theme: ${theme}. Switch to ${next}`}>
          <span aria-hidden="true">{theme === 'auto' ? '◐' : theme === 'light' ? '☀' : '☾'}</span>
          <span class="wide-only">{theme}</span>
        </button>
      </span>
    </header>
  );
}
