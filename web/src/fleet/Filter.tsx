interface FilterProps {
  label: string;
  text: string;
  set: (text: string) => void;
}

export function Filter({ label, text, set }: FilterProps) {
  return (
    <input
      type="search"
      class="filter"
      aria-label={label}
      placeholder={label}
      value={text}
      spellcheck={false}
      onInput={(event) => set(event.currentTarget.value)}
    />
  );
}

/** Whether each word of `text` stands in one of `values`. */
export function matches(text: string, values: readonly string[]): boolean {
  const all = values.map((value) => value.toLowerCase());
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.some((value) => value.includes(word)));
}
