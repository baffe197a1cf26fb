# SPDX-License-Identifier: Apache-2.0
"""A practice cluster: the part of a Kubernetes API server that MIMO's tasks use.

Read the modules in this order:

    kinds       which resources exist, and their columns in `kubectl get`
    store       the objects of one cluster, their versions, and what watchers are told
    status      errors in the form and the words of Kubernetes
    validation  what makes an object invalid
    patches     the four kinds of PATCH, as pure functions
    writes      create, update, patch, apply, delete: the rules of optimistic concurrency
    selection   label and field selectors
    table       the tables that `kubectl get` prints
    protobuf    the little of it that kubectl insists on
    discovery   how kubectl learns what the server has
    api         from a request to a response, without any socket
    identity    who asks, and what they may do
    watch       telling clients about changes
    trouble     failing on demand
    requestlog  who asked for what
    control     /practice/...: telling the server to fail, and reading its log
    cluster     one cluster: all of the above together
    connection  one client's connection: TLS, HTTP, and trouble on the wire
    listener    the sockets of all clusters
    tls         the certificate authority and what it signs
    files       complete, private files
    kubeconfig  the files that clients start from
    initial     what a fresh cluster holds
"""
