/** `full`: the text begins with this marker; `partial`: it may, once there is more of it. */
export type MarkerMatch =
  | { readonly kind: 'full'; readonly marker: string }
  | { readonly kind: 'partial' }
  | { readonly kind: 'none' };

const none: MarkerMatch = { kind: 'none' };
const partial: MarkerMatch = { kind: 'partial' };

/** Whether a text begins with one of the markers; the longest wins. */
export function matchMarker(text: string, markers: readonly string[]): MarkerMatch {
  let longest: string | undefined;
  let mayGrow = false;
  for (const marker of markers) {
    if (text.startsWith(marker)) {
      if (longest === undefined || marker.length > longest.length) longest = marker;
    } else if (text.length < marker.length && marker.startsWith(text)) {
      mayGrow = true;
    }
  }
  if (mayGrow) return partial;
  return longest === undefined ? none : { kind: 'full', marker: longest };
}
