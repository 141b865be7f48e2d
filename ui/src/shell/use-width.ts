/** The three shapes of the window: `wide` from 1200 px, `rail` from 760, `phone` below. */
import { computed, onScopeDispose, ref, type Ref } from 'vue';

export type Width = 'wide' | 'rail' | 'phone';

export function useWidth(): Ref<Width> {
  const rail = watchMedia('(max-width: 1199.98px)');
  const phone = watchMedia('(max-width: 759.98px)');
  return computed(() => (phone.value ? 'phone' : rail.value ? 'rail' : 'wide'));
}

function watchMedia(query: string): Ref<boolean> {
  const media = matchMedia(query);
  const holds = ref(media.matches);
  const onChange = (event: MediaQueryListEvent): void => {
    holds.value = event.matches;
  };
  media.addEventListener('change', onChange);
  onScopeDispose(() => media.removeEventListener('change', onChange));
  return holds;
}
