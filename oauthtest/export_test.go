package oauthtest

import "slices"

// FaultRows are the rows of the list, without their parts.
func FaultRows() (rows [][]Fault) {
	for _, row := range faultParts() {
		rows = append(rows, slices.Concat(row.fatal, row.varies, row.harmless))
	}
	return rows
}
