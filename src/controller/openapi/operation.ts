import type { z } from 'zod';
import type { ErrorName } from '../../protocol/apiError.js';
import type { ModelKind } from '../../protocol/workerApi.js';
import type { Access, Method } from '../routes/route.js';

/** A model of each kind, so that examples can be run as they stand. */
export type ExampleModels = Readonly<Record<ModelKind, string>>;

/** Workers have no place in the document. */
export type DescribedAccess = Exclude<Access, 'cluster'>;

/** A request to show: what stands in the path and the query, and the fields of the body. */
export interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** Of a form, `@name` is the content of a file. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** An answer that is no error. One status may have several media types. */
export interface Answer<Name extends string> {
  readonly description: string;
  /** Schema of a JSON body. */
  readonly json?: Name;
  /** Schema of the data of one server-sent event. */
  readonly events?: Name;
  /** Media type of a body that is neither. */
  readonly other?: string;
}

/** What can be asked at one path with one method. Schemas are named as in the group. */
export interface Operation<Name extends string = string> {
  readonly id: string;
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/models/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** The properties are the parameters. */
  readonly pathParameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly request?: { readonly json: Name } | { readonly form: Name };
  readonly answers: Readonly<Record<number, Answer<Name>>>;
  readonly errors?: readonly ErrorName[];
  /** Who may ask, where it is not as in its group. */
  readonly access?: DescribedAccess;
  /** By their titles. */
  readonly examples?: (models: ExampleModels) => Readonly<Record<string, Example>>;
}

type NamedZodTypes = Readonly<Record<string, z.ZodType>>;

/** Operations that belong together, and the schemas that they share. */
export interface OperationGroup<Schemas extends NamedZodTypes = NamedZodTypes> {
  readonly name: string;
  readonly description: string;
  /** By their names in the document. Each becomes a component: where one contains another, there is a reference. */
  readonly schemas: Schemas;
  readonly operations: readonly Operation<NoInfer<keyof Schemas & string>>[];
  /** Who may ask; `key` by default. */
  readonly access?: DescribedAccess;
  /** How this API writes errors, where it is not OpenAI's way. */
  readonly errorSchema?: NoInfer<keyof Schemas & string>;
}

/** Lets the compiler check that the operations name schemas of the group. */
export function defineGroup<Schemas extends NamedZodTypes>(group: OperationGroup<Schemas>): OperationGroup {
  return group;
}
