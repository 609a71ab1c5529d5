import { anonymousPrincipal } from '../../protocol/generateRequest.js';
import { noNode, revokedKey, unknownModel } from '../metrics/labels.js';

/** Which names have series: what ends late must not bring those back of what is gone. */
export class LiveNames {
  readonly #forgottenNodes = new Set<string>();
  readonly #forgottenModels = new Set<string>();
  readonly #keys = new Set([anonymousPrincipal.keyId]);

  nodeSeen(nodeId: string): void {
    this.#forgottenNodes.delete(nodeId);
  }

  nodeForgotten(nodeId: string): void {
    this.#forgottenNodes.add(nodeId);
  }

  modelSeen(model: string): void {
    this.#forgottenModels.delete(model);
  }

  modelForgotten(model: string): void {
    this.#forgottenModels.add(model);
  }

  keyAdded(keyId: string): void {
    this.#keys.add(keyId);
  }

  keyRevoked(keyId: string): void {
    this.#keys.delete(keyId);
  }

  nodeLabel(nodeId: string | undefined): string {
    return nodeId === undefined || this.#forgottenNodes.has(nodeId) ? noNode : nodeId;
  }

  modelLabel(model: string): string {
    return this.#forgottenModels.has(model) ? unknownModel : model;
  }

  keyLabel(keyId: string): string {
    return this.#keys.has(keyId) ? keyId : revokedKey;
  }
}
