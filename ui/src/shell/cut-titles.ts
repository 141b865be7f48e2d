/** Words that are cut off say the whole when they are pointed at, wherever on a page they are. */

/** Watches until it is stopped. */
export function titleCutWords(root: Document): () => void {
  const look = (event: Event): void => {
    const target = event.target as Element | null;
    const cut = target?.closest<HTMLElement>('.cut, td');
    if (!cut || cut.closest('[title]') || cut.scrollWidth <= cut.clientWidth + 1) return;
    const words = cut.innerText.replaceAll(/\s+/g, ' ').trim();
    if (words === '') return;
    cut.title = words;
    // The words may be others the next time.
    cut.addEventListener('pointerleave', () => cut.removeAttribute('title'), { once: true });
  };
  root.addEventListener('pointerover', look, { passive: true });
  return () => root.removeEventListener('pointerover', look);
}
