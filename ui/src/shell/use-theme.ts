/**
 * The chosen theme, remembered on this device. `system` follows what the person chose for all devices, and the machine where nothing is chosen.
 * `theme.js` has already set it before the first paint.
 */
import { computed, onScopeDispose, ref, type Ref } from 'vue';

export type ThemeChoice = 'system' | 'dark' | 'light';
export type Theme = 'dark' | 'light';

const KEY = 'plugboard.theme';
const choice = ref<ThemeChoice>(stored());
/** Chosen for all devices; known once somebody is signed in. */
const account = ref<ThemeChoice>('system');
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

export function useTheme(): {
  choice: Ref<ThemeChoice>;
  theme: Ref<Theme>;
  choose: (next: ThemeChoice) => void;
  toggle: () => void;
  /** What the person chose for all devices. */
  setAccount: (next: unknown) => void;
} {
  const theme = computed<Theme>(() => {
    const wanted = choice.value === 'system' ? account.value : choice.value;
    if (wanted !== 'system') return wanted;
    return systemIsLight.value ? 'light' : 'dark';
  });
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
  function setAccount(next: unknown): void {
    account.value = next === 'dark' || next === 'light' ? next : 'system';
    apply();
  }
  return { choice, theme, choose, setAccount, toggle: () => choose(theme.value === 'dark' ? 'light' : 'dark') };
}
