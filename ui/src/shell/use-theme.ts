/** The chosen theme, remembered on this device. `system` follows the machine. `theme.js` has already set it before the first paint. */
import { computed, onScopeDispose, ref, type Ref } from 'vue';

export type ThemeChoice = 'system' | 'dark' | 'light';
export type Theme = 'dark' | 'light';

const KEY = 'plugboard.theme';
const choice = ref<ThemeChoice>(stored());
const systemIsLight = ref(matchMedia('(prefers-color-scheme: light)').matches);

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : 'system';
  } catch {
    return 'system'; // storage is blocked: nothing is remembered
  }
}

function keep(value: ThemeChoice): void {
  try {
    if (value === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // Storage is blocked: the choice holds until the page closes.
  }
}

export function useTheme(): { choice: Ref<ThemeChoice>; theme: Ref<Theme>; choose: (next: ThemeChoice) => void; toggle: () => void } {
  const theme = computed<Theme>(() => (choice.value === 'system' ? (systemIsLight.value ? 'light' : 'dark') : choice.value));
  const media = matchMedia('(prefers-color-scheme: light)');
  const onChange = (event: MediaQueryListEvent): void => {
    systemIsLight.value = event.matches;
    apply();
  };
  media.addEventListener('change', onChange);
  onScopeDispose(() => media.removeEventListener('change', onChange));

  function apply(): void {
    document.documentElement.dataset['theme'] = theme.value;
  }
  function choose(next: ThemeChoice): void {
    choice.value = next;
    keep(next);
    apply();
  }
  return { choice, theme, choose, toggle: () => choose(theme.value === 'dark' ? 'light' : 'dark') };
}
