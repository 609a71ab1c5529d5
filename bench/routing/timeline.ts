/** What happens when, in order; what is at the same time in the order in which it was added. */
export function createTimeline() {
  const heap: { at: number; order: number; run: () => void }[] = [];
  let order = 0;
  const isBefore = (a: number, b: number) => {
    const [left, right] = [heap[a], heap[b]];
    return !!left && !!right && (left.at < right.at || (left.at === right.at && left.order < right.order));
  };
  const swap = (a: number, b: number) => {
    const [left, right] = [heap[a], heap[b]];
    if (left && right) [heap[a], heap[b]] = [right, left];
  };
  return {
    add(at: number, run: () => void): void {
      heap.push({ at, order: order++, run });
      for (let child = heap.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (!isBefore(child, parent)) return;
        swap(child, parent);
        child = parent;
      }
    },
    next(): { readonly at: number; readonly run: () => void } {
      const first = heap[0];
      const last = heap.pop();
      if (!first || !last) throw new Error('nothing will ever happen again');
      if (heap.length > 0) heap[0] = last;
      for (let parent = 0; ;) {
        const [left, right] = [2 * parent + 1, 2 * parent + 2];
        const child = isBefore(right, left) ? right : left;
        if (!isBefore(child, parent)) return first;
        swap(child, parent);
        parent = child;
      }
    },
  };
}
