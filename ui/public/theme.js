// Runs before the first paint, so that the page never flashes in the other theme. A file of its own: inline scripts are refused.
(function () {
  let choice = null;
  try {
    choice = localStorage.getItem('plugboard.theme');
  } catch {
    // Storage may be blocked; the system's choice is used then.
  }
  if (choice !== 'dark' && choice !== 'light') choice = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  document.documentElement.dataset.theme = choice;
})();
