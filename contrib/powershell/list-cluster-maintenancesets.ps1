# SPDX-License-Identifier: Apache-2.0
<#
.SYNOPSIS
Lists all maintenance manifests of a cluster, oldest first.
.DESCRIPTION
Writes an object for each manifest. Where the Admin API of the region is, and how to log in, stands in
~/.config/mimo/config, which mimoctl(1) describes. The certificate of the Admin API has to be one that this machine trusts.
.PARAMETER location
Region of the cluster, such as eastus.
.PARAMETER resourceID
Full ARM resource ID of the cluster.
.PARAMETER icm
Number of the ticket.
.EXAMPLE
.\list-cluster-maintenancesets.ps1 -location eastus -resourceID $id -icm 691536013 | Where-Object state -eq Failed
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)] [string] $location,
    [Parameter(Mandatory = $true)] [string] $resourceID,
    [string] $icm
)

$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'MimoAdminApi.psm1')

$target = Get-MimoManifestTarget -ResourceId $resourceID
while ($target) {
    $page = Invoke-MimoAdminApi -Location $location -Method GET -Target $target -Icm $icm
    $page.value
    $target = $null
    if ($page.PSObject.Properties['nextLink']) {
        $target = ([uri] $page.nextLink).PathAndQuery # asked of the same address, whatever host the link names
    }
}
