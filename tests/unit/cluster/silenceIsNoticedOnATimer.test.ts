import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHeartbeatMonitor } from '../../../src/cluster/heartbeatMonitor.js';

describe('the heartbeat monitor', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('looks twice a second until it is closed', () => {
    const checkSilence = vi.fn();
    const monitor = startHeartbeatMonitor({ checkSilence });
    vi.advanceTimersByTime(499);
    expect(checkSilence).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_501);
    expect(checkSilence).toHaveBeenCalledTimes(4);
    monitor.close();
    vi.advanceTimersByTime(10_000);
    expect(checkSilence).toHaveBeenCalledTimes(4);
  });
});
