import { ApiError } from '../../protocol/apiError.js';

/**
 * Which form of a request a body has, told by the parameter that only this form has; undefined where it has none.
 *
 * @throws ApiError (400) where it has several: one of them would be ignored.
 */
export function chooseForm<Name extends string>(body: unknown, names: readonly Name[]): Name | undefined {
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const [form, other] = names.filter((name) => given[name] != null);
  if (other === undefined) return form;
  throw new ApiError('invalid_value', {
    message: `Invalid value for '${other}': send it or '${form}', not both.`,
    param: other,
  });
}
