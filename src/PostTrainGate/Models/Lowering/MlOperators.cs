using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>
/// Every operator of ai.onnx.ml that has terms of ONNX's own operators. Names, attributes and meanings are those of its
/// descriptions; where these are silent, those of ONNX Runtime.
/// </summary>
internal static partial class MlOperators
{
    /// <summary>The operators by name.</summary>
    public static IReadOnlyDictionary<string, Action<MlNode>> Table { get; } =
        new Dictionary<string, Action<MlNode>>
        {
            ["ArrayFeatureExtractor"] = ArrayFeatureExtractor,
            ["Binarizer"] = Binarizer,
            ["FeatureVectorizer"] = FeatureVectorizer,
            ["Imputer"] = Imputer,
            ["LabelEncoder"] = LabelEncoder,
            ["LinearClassifier"] = LinearClassifier,
            ["LinearRegressor"] = LinearRegressor,
            ["Normalizer"] = Normalizer,
            ["OneHotEncoder"] = OneHotEncoder,
            ["Scaler"] = Scaler,
            ["ZipMap"] = ZipMap,
        };

    // Y = (X - offset) * scale.
    private static void Scaler(MlNode at)
    {
        var (offset, scale) = (at.Floats("offset"), at.Floats("scale"));
        at.Give(0, at.Node("Mul", [at.Node("Sub", [at.Float(0), at.Row(offset)]), at.Row(scale)]));
    }

    // Rows divided by a norm, those of norm 0 as they are. MAX is the largest value, not the largest magnitude.
    private static void Normalizer(MlNode at)
    {
        var (x, norm) = (at.Float(0), at.Attributes.Text("norm", "MAX"));
        if (norm == "L1" && at.IsDistribution(0))
        {
            at.Give(0, x);
            return;
        }

        var reduce = norm switch
        {
            "MAX" => "ReduceMax",
            "L1" => "ReduceL1",
            "L2" => "ReduceSumSquare",
            _ => throw at.Attributes.Refuse($"attribute 'norm' is {Foundation.Wording.Quote(norm)}"),
        };
        var size = at.Node(reduce, [x], ("axes", (long[])[-1]));
        size = at.Node("Where", [at.Node("Equal", [size, at.Row(0)]), at.Row(1), size]);
        at.Give(0, at.Node("Div", [x, norm == "L2" ? at.Node("Sqrt", [size]) : size]));
    }

    // 1 above the threshold, 0 elsewhere.
    private static void Binarizer(MlNode at)
    {
        var above = at.Node("Greater", [at.Float(0), at.Row(at.Attributes.Float("threshold", 0))]);
        at.Give(0, at.Node("Cast", [above], ("to", (long)DataType.Float)));
    }

    // One value in place of another, which is usually NaN.
    private static void Imputer(MlNode at)
    {
        var (x, replaced) = (at.Float(0), at.Attributes.Float("replaced_value_float", 0));
        var imputed = at.Row(at.Floats("imputed_value_floats"));
        at.Attributes.Int("replaced_value_int64", 0); // of inputs of integers
        var missing = float.IsNaN(replaced) ? at.Node("IsNaN", [x]) : at.Node("Equal", [x, at.Row(replaced)]);
        at.Give(0, at.Node("Where", [missing, imputed, x]));
    }

    // All inputs side by side, each of its width.
    private static void FeatureVectorizer(MlNode at)
    {
        var widths = at.Attributes.Ints("inputdimensions");
        if (widths?.Length != at.InputCount)
            throw at.Attributes.Refuse("attribute 'inputdimensions' does not have a width for each input");
        string[] parts =
        [
            .. widths.Select((width, i) => at.Node("Reshape", [at.Float(i), at.Graph.Integers(0, width)])),
        ];
        at.Give(0, at.Node("Concat", parts, ("axis", 1L)));
    }

    // Columns by place.
    private static void ArrayFeatureExtractor(MlNode at)
    {
        var places = at.Integers(1);
        if (at.Enumerated(0) is not { } known)
            at.Give(0, at.Node("Gather", [at.Float(0), at.Graph.Integers(places)], ("axis", -1L)));
        else if (places.All(p => p >= 0 && p < known.Columns.Length))
            at.Give(known with { Columns = [.. places.Select(p => known.Columns[(int)p])], IsFlat = false });
        else
            throw at.Attributes.Refuse("it picks columns that its input does not have");
    }

    // The maps hold the numbers as they are.
    private static void ZipMap(MlNode at)
    {
        at.Attributes.Ints("classlabels_int64s");
        at.Attributes.Texts("classlabels_strings");
        at.Give(0, at.Float(0));
    }
}
