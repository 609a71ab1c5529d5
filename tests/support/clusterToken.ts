/** The secret of every cluster of the tests, the benchmarks and the scenarios. */
export const testClusterToken = 'cluster-token-of-the-tests';

/** For calls of a worker, or of the controller as a worker. */
export const clusterAuthorization = { authorization: `Bearer ${testClusterToken}` } as const;
