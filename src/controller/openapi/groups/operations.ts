import { ClusterStatus, HealthStatus, ReadyStatus } from '../../../protocol/clusterStatus.js';
import { defineGroup } from '../operation.js';

export const operationsGroup = defineGroup({
  name: 'Operations',
  description: 'For load balancers, probes and people who run the cluster.',
  access: 'anyone',
  schemas: { HealthStatus, ReadyStatus, ClusterStatus },
  operations: [
    {
      id: 'getHealth',
      method: 'GET',
      path: '/health',
      summary: 'Whether requests can be answered',
      answers: {
        200: { description: 'At least one worker takes requests.', json: 'HealthStatus' },
        503: { description: 'None does: not yet, or not any more.', json: 'HealthStatus' },
      },
    },
    {
      id: 'getReadiness',
      method: 'GET',
      path: '/ready',
      summary: 'Whether new requests should be sent here',
      answers: {
        200: { description: 'They should.', json: 'ReadyStatus' },
        503: {
          description: 'No worker takes requests, or the controller is shutting down.',
          json: 'ReadyStatus',
        },
      },
    },
    {
      id: 'getClusterStatus',
      method: 'GET',
      path: '/cluster/status',
      summary: 'Every node with its state, slots and speed',
      access: 'operator',
      errors: ['asked_too_often'],
      answers: { 200: { description: 'The cluster as it is now.', json: 'ClusterStatus' } },
    },
    {
      id: 'getMetrics',
      method: 'GET',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      access: 'operator',
      errors: ['asked_too_often'],
      answers: { 200: { description: "In Prometheus' text format.", other: 'text/plain' } },
    },
  ],
});
