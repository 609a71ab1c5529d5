import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHeartbeatMonitor } from '../../../src/cluster/heartbeatMonitor.js';

describe('the heartbeat monitor', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('looks twice a second until it is closed', () => {
    const checkTime = vi.fn();
    const monitor = startHeartbeatMonitor({ checkTime });
    vi.advanceTimersByTime(499);
    expect(checkTime).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_501);
    expect(checkTime).toHaveBeenCalledTimes(4);
    monitor.close();
    vi.advanceTimersByTime(10_000);
    expect(checkTime).toHaveBeenCalledTimes(4);
  });
});
