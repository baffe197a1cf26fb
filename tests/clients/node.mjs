// SPDX-License-Identifier: Apache-2.0
// Lists in pieces, then watches from there, with the official client library for Node.js. KUBECONFIG names the cluster, NAME the
// config map that is made between list and watch. Says in JSON what the library made of the answers.
import { CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";

const namespace = "openshift-config";
const name = process.env.NAME;
const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);

const found = [];
let piece, pieces = 0, token;
do {
    piece = await core.listNamespace({ limit: 2, _continue: token });
    found.push(...piece.items.map((item) => item.metadata.name));
    token = piece.metadata._continue;
    pieces++;
} while (token);

const start = await core.listNamespacedConfigMap({ namespace });
await core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { made: "between" } } });
const seen = await new Promise((resolve, reject) => {
    const query = { resourceVersion: start.metadata.resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 60 };
    new Watch(config).watch(`/api/v1/namespaces/${namespace}/configmaps`, query,
        (type, object) => object.metadata.name === name && resolve({ type, object }),
        (error) => reject(error ?? new Error("the watch ended without telling of the new object"))).catch(reject);
});
const managed = (await core.readNamespacedConfigMap({ namespace, name })).metadata.managedFields;

console.log(JSON.stringify({ found, pieces, seen, managed }));
process.exit(0);
