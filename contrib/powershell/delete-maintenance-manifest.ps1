# SPDX-License-Identifier: Apache-2.0
<#
.SYNOPSIS
Deletes a maintenance manifest for good.
.DESCRIPTION
Writes nothing when it is gone. This cannot be undone. Where the Admin API of the region is, and how to log in, stands in
~/.config/mimo/config, which mimoctl(1) describes. The certificate of the Admin API has to be one that this machine trusts.
.PARAMETER location
Region of the cluster, such as eastus.
.PARAMETER resourceId
Full ARM resource ID of the cluster.
.PARAMETER manifestId
ID of the manifest.
.PARAMETER icm
Number of the ticket.
.EXAMPLE
.\delete-maintenance-manifest.ps1 -location eastus -resourceId $id -manifestId 2b65ac7b-cbf5-4fdc-829d-a737e646d492 -WhatIf
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)] [string] $location,
    [Parameter(Mandatory = $true)] [string] $resourceId,
    [Parameter(Mandatory = $true)] [string] $manifestId,
    [string] $icm
)

$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'MimoAdminApi.psm1')

$target = Get-MimoManifestTarget -ResourceId $resourceId -ManifestId $manifestId
if ($PSCmdlet.ShouldProcess("$manifestId on $resourceId", 'Delete maintenance manifest')) {
    $null = Invoke-MimoAdminApi -Location $location -Method DELETE -Target $target -Icm $icm
}
