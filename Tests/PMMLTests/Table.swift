/// A small reader of test data: rows of cells, separated by commas or tabs, quoted where needed.
struct Table {
    var header: [String] = []
    var rows: [[String]] = []

    init(_ text: String) {
        var records: [[String]] = []
        var (record, cell, isQuoted, wasQuoted): ([String], String, Bool, Bool) = ([], "", false, false)
        let lines = text.unicodeScalars
        let separator: Unicode.Scalar = text.prefix { $0 != "\n" }.contains("\t") ? "\t" : ","
        func endCell() {
            record.append(cell)
            (cell, wasQuoted) = ("", false)
        }
        func endRecord() {
            guard !(record.isEmpty && cell.isEmpty && !wasQuoted) else { return }
            endCell()
            records.append(record)
            record = []
        }
        for scalar in lines {
            if isQuoted {
                if scalar == "\"" { isQuoted = false } else { cell.unicodeScalars.append(scalar) }
            } else if scalar == "\"" {
                // A quote right after a closing one stands for itself.
                if wasQuoted { cell.append("\"") }
                (isQuoted, wasQuoted) = (true, true)
            } else if scalar == separator {
                endCell()
            } else if scalar == "\n" || scalar == "\r" {
                endRecord()
            } else {
                cell.unicodeScalars.append(scalar)
            }
        }
        endRecord()
        header = records.first ?? []
        rows = Array(records.dropFirst())
    }

    func column(_ name: String) -> Int? { header.firstIndex(of: name) }
}
