/** A clock that moves with the work and not with the load of the machine. */
export interface StepClock {
  now(): number;
  /** Milliseconds that an idle machine takes, within a factor of about two. */
  elapsed(): number;
}

/** For a budget of so many milliseconds: it looks when a fifth is spent, then each half a millisecond. */
export function createStepClock(milliseconds: number): StepClock {
  const firstLook = Math.max(0.5, milliseconds / 5);
  let looks = 0;
  const elapsed = (): number => (looks <= 1 ? 0 : firstLook + (looks - 2) / 2);
  return {
    elapsed,
    now() {
      looks++;
      return elapsed();
    },
  };
}
