/// Short PMML documents for tests.
enum PMMLText {
    static func document(fields: String, functions: String = "", _ models: String, version: String = "4.4") -> String {
        """
        <?xml version="1.0"?>
        <PMML xmlns="http://www.dmg.org/PMML-4_4" version="\(version)"><Header/>
        <DataDictionary>\(fields)</DataDictionary>
        \(functions.isEmpty ? "" : "<TransformationDictionary>\(functions)</TransformationDictionary>")
        \(models)
        </PMML>
        """
    }

    static let constantTree = "<TreeModel functionName=\"regression\"><MiningSchema/><Node score=\"1\"><True/></Node></TreeModel>"

    /// A regression of nothing, with derived fields.
    static func regression(local: String) -> String {
        """
        <RegressionModel functionName="regression"><MiningSchema/><LocalTransformations>\(local)</LocalTransformations>
        <RegressionTable intercept="0"/></RegressionModel>
        """
    }

    static func field(_ name: String, _ type: String = "double", _ opType: String? = nil, _ content: String = "") -> String {
        let opType = opType ?? (type == "string" || type == "boolean" ? "categorical" : "continuous")
        return "<DataField name=\"\(name)\" dataType=\"\(type)\" optype=\"\(opType)\">\(content)</DataField>"
    }

    static func values(_ values: String...) -> String { values.map { "<Value value=\"\($0)\"/>" }.joined() }

    static func schema(_ names: String..., target: String? = nil) -> String {
        "<MiningSchema>" + names.map { "<MiningField name=\"\($0)\"/>" }.joined()
            + (target.map { "<MiningField name=\"\($0)\" usageType=\"target\"/>" } ?? "") + "</MiningSchema>"
    }

    /// A model whose output `y` is an expression of the fields x, z (double), n (integer), b (boolean), s (string a, b, c) and t (string).
    static func expression(_ expression: String, type: String = "double", functions: String = "") -> String {
        document(
            fields: field("x") + field("z") + field("n", "integer") + field("b", "boolean")
                + field("s", "string", "categorical", values("a", "b", "c")) + field("t", "string") + field("f", "float"),
            functions: functions,
            """
            <RegressionModel functionName="regression">\(schema("x", "z", "n", "b", "s", "t", "f"))
            <Output><OutputField name="y" feature="transformedValue" dataType="\(type)" optype="continuous"><FieldRef field="d"/></OutputField></Output>
            <LocalTransformations><DerivedField name="d" dataType="\(type)" optype="continuous">\(expression)</DerivedField></LocalTransformations>
            <RegressionTable intercept="0"/></RegressionModel>
            """)
    }
}
