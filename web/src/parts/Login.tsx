import { useEffect, useRef, useState } from 'preact/hooks';
import { asApiError } from '../api';
import { session } from '../session';
import { Problem } from './Problem';
import type { ApiError } from '../api';

export function Login() {
  const field = useRef<HTMLInputElement>(null);
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => field.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    if (token.trim() === '' || busy) return;
    setBusy(true);
    setError(null);
    try {
      await session.signIn(token.trim());
    } catch (thrown) {
      setError(asApiError(thrown));
      setBusy(false);
      field.current?.select();
    }
  }

  return (
    <main id="main" tabIndex={-1} class="page">
      <form class="card login" onSubmit={(event) => void submit(event)}>
        <h1>Sign in</h1>
        <p class="muted">{session.message || 'This console takes a token. It says what you may see and change.'}</p>
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          placeholder="vdt_…"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
          aria-describedby="token-problem"
        />
        <div id="token-problem" class="problem-place">
          {error && <Problem error={error} />}
        </div>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="note muted">
          Whoever runs the controller makes one: <code>vedette token create --key tokens.key --name you --role viewer</code>
        </p>
      </form>
    </main>
  );
}
