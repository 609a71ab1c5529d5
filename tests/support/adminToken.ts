/** The secret of the operators of the tests, the benchmarks and the scenarios. */
export const testAdminToken = 'admin-token-of-the-tests';

/** For what only operators may ask. */
export const adminAuthorization = { authorization: `Bearer ${testAdminToken}` } as const;
