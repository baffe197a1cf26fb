# SPDX-License-Identifier: Apache-2.0
"""Everything of MIMO on one machine: what `./bootstrap up` and `./bootstrap demo` are made of.

Read the modules in this order:

    settings    what can be chosen on the command line of `up`
    identities  which numeric users the programs run as when `up` is started as root
    layout      the files of one system, their owners and modes, and its configuration
    ports       free ports that stay ours
    processes   the programs: starting, watching, stopping; nothing is left behind
    envfile     DIR/env, by which others find the system
    adminapi    a client of the Admin API
    control     a client of the actuators' control sockets
    certificates  what tasks bring to the practice clusters
    practice    the practice clusters: registering them, and making them fail
    system      all of the above together, in the order in which it starts
    listing     process listings
    livetable   a table that follows what it shows
    story       the demonstration: the manifests it creates and how they are to end
"""
