using System.Collections.Immutable;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

// Categories. Of a value that is known they change what its places mean; of others they compare.
internal static partial class MlOperators
{
    // [batch, columns] to [batch, columns, categories].
    private static void OneHotEncoder(MlNode at)
    {
        object[] categories = at.Attributes.Texts("cats_strings") is { Length: > 0 } texts
            ? texts
            : [.. (at.Attributes.Ints("cats_int64s") ?? []).Select(i => (object)(double)i)];
        var refusesOthers = at.Attributes.Int("zeros", 1) == 0;
        if (categories.Length == 0 || categories.Distinct().Count() != categories.Length)
            throw at.Attributes.Refuse("its categories are none, or one twice");
        if (at.Enumerated(0) is { } known)
        {
            if (refusesOthers && known.Columns.SelectMany(c => c.Values).Except(categories).Any())
                throw at.Attributes.Refuse("attribute 'zeros' is 0, and the data has categories that it does not know");
            at.Give(0, Blocks(at, known, categories));
            return;
        }

        if (refusesOthers || categories[0] is string)
            throw at.Attributes.Refuse("attribute 'zeros' is 0, and the categories of the data are not known");
        // Fractions are cut off.
        var whole = at.Node("Cast", [at.Float(0)], ("to", (long)DataType.Int64));
        at.Give(0, Matches(at, at.Node("Cast", [whole], ("to", (long)DataType.Float)), categories));
    }

    private static string Blocks(MlNode at, Enumerated known, object[] categories)
    {
        string[] blocks =
        [
            .. known.Columns.Select(c =>
                at.Node(
                    "MatMul",
                    [
                        c.Block,
                        at.Graph.Numbers(
                            [c.Values.Length, categories.Length],
                            [.. c.Values.SelectMany(v => categories.Select(k => k.Equals(v) ? 1f : 0))]
                        ),
                    ]
                )
            ),
        ];
        if (known.IsFlat)
            return blocks[0];
        var all = blocks is [var only] ? only : at.Node("Concat", blocks, ("axis", 1L));
        return at.Node("Reshape", [all, at.Graph.Integers(0, known.Columns.Length, categories.Length)]);
    }

    // 1 where a number is the category of the last axis.
    private static string Matches(MlNode at, string x, IEnumerable<object> categories)
    {
        var each = at.Node("Unsqueeze", [x], ("axes", (long[])[-1]));
        var same = at.Node("Equal", [each, at.Row([.. categories.Select(c => (float)(double)c)])]);
        return at.Node("Cast", [same], ("to", (long)DataType.Float));
    }

    private static void LabelEncoder(MlNode at)
    {
        var attributes = at.Attributes;
        object[] keys = List("keys");
        object[] values = List("values");
        var (text, whole, number) = (
            attributes.Text("default_string", "_Unused"),
            attributes.Int("default_int64", -1),
            attributes.Float("default_float", 0)
        );
        if (keys.Length == 0 || keys.Length != values.Length)
            throw attributes.Refuse("its keys and values are not as many");
        var (type, other) =
            values[0] is string ? (DataType.String, (object)text)
            : attributes.Ints("values_int64s") is { Length: > 0 } ? (DataType.Int64, (double)whole)
            : (DataType.Float, (double)number);
        var map = keys.Zip(values).DistinctBy(p => p.First).ToDictionary(p => p.First, p => p.Second);
        if (at.Enumerated(0) is { } known)
        {
            at.Give(known.Map(key => map.GetValueOrDefault(key, other), type));
            return;
        }

        if (map.Keys.Concat(map.Values).Any(v => v is string))
            throw attributes.Refuse("it encodes text that is not known");
        var places = Matches(at, at.Float(0), map.Keys);
        var axes = ("axes", (object)(long[])[-1]);
        var found = at.Node(
            "ReduceSum",
            [at.Node("Mul", [places, at.Row([.. map.Values.Select(v => (float)(double)v)])])],
            axes,
            ("keepdims", 0L)
        );
        var any = at.Node("Greater", [at.Node("ReduceMax", [places], axes, ("keepdims", 0L)), at.Row(0)]);
        var value = at.Node("Where", [any, found, at.Row((float)(double)other)]);
        at.Give(0, type == DataType.Float ? value : at.Node("Cast", [value], ("to", (long)type)), type);

        object[] List(string kind) =>
            attributes.Texts($"{kind}_strings") is { Length: > 0 } texts ? texts
            : attributes.Ints($"{kind}_int64s") is { Length: > 0 } integers
                ? [.. integers.Select(i => (object)(double)i)]
            : [.. (attributes.Floats($"{kind}_floats") ?? []).Select(f => (object)(double)f)];
    }
}
