import { useEffect, useRef } from 'preact/hooks';

interface ConfirmProps {
  title: string;
  yes: string;
  danger?: boolean;
  /** Called once, with whether one agreed. */
  answer: (agreed: boolean) => void;
  children: preact.ComponentChildren;
}

/** Asks before something that cannot be undone. Escape says no. */
export function Confirm({ title, yes, danger = false, answer, children }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const agreed = useRef(false);
  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);
  return (
    <dialog ref={dialog} class="confirm" aria-label={title} onClose={() => answer(agreed.current)}>
      <h2>{title}</h2>
      <p>{children}</p>
      <div class="buttons">
        <button type="button" autofocus onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button
          type="button"
          class={danger ? 'danger' : 'primary'}
          onClick={() => {
            agreed.current = true;
            dialog.current?.close();
          }}
        >
          {yes}
        </button>
      </div>
    </dialog>
  );
}
