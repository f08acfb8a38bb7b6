using PostTrainGate.Models.Onnx;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

// Graphs in the way of scikit-learn's and ML.NET's converters, on four columns.
public sealed partial class MlOperatorTests
{
    private const string Scores = "scores";

    private static readonly Dictionary<string, Func<ModelProto>> Graphs = new()
    {
        ["softmax"] = () => Linear(3, "SOFTMAX"),
        ["softmax zero"] = () => Linear(3, "SOFTMAX_ZERO"),
        ["none"] = () => Linear(3, "NONE"),
        ["two classes of one row"] = () => Linear(1, "LOGISTIC"),
        ["one against the rest"] = () => Linear(3, "LOGISTIC", normalized: true),
        ["two mirrored classes with maps"] = () => Mirrored(maps: true),
        ["two mirrored classes"] = () => Mirrored(maps: false),
        ["scaler"] = () => After(g => g.Node("Scaler", ["x"], ["z"], ("offset", Four(1)), ("scale", Four(2)))),
        ["normalizer MAX"] = () => After(g => g.Node("Normalizer", ["x"], ["z"], ("norm", "MAX"))),
        ["normalizer L1"] = () => After(g => g.Node("Normalizer", ["x"], ["z"], ("norm", "L1"))),
        ["normalizer L2"] = () => After(g => g.Node("Normalizer", ["x"], ["z"], ("norm", "L2"))),
        ["imputer"] = () =>
            After(g =>
                g.Node("Imputer", ["x"], ["z"], ("imputed_value_floats", Four(3)), ("replaced_value_float", 0f))
            ),
        ["columns picked and joined"] = () => After(Picked),
        ["numbers encoded"] = () => After(Encoded),
        ["regressor"] = Regressor,
    };

    public static TheoryData<string> Names() => [.. Graphs.Keys];

    // Zeros among them, on which norms and imputers differ.
    private static Tensor Rows()
    {
        using var random = new Generator(7);
        using var scope = NewDisposeScope();
        var x = randint(-3, 4, [40, 4], generator: random).to_type(float32);
        x[0].zero_();
        return (x + x.ne(0) * rand(40, 4, generator: random)).MoveToOuterDisposeScope();
    }

    private static float[] Four(float seed) => [seed, -seed / 2, 0.25f, seed + 1];

    private static ModelProto Linear(int rows, string transform, bool normalized = false)
    {
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 4);
        Classifier(graph, "x", rows, transform, normalized ? "raw" : Scores);
        if (normalized)
            graph.Node("Normalizer", ["raw"], [Scores], ("norm", "L1"));
        return Ended(graph, Math.Max(2, rows));
    }

    private static ModelProto Mirrored(bool maps)
    {
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 4);
        float[] second = Four(1.5f);
        graph.Node(
            "LinearClassifier",
            ["x"],
            ["label", "raw"],
            ("coefficients", (float[])[.. second.Select(c => -c), .. second]),
            ("intercepts", (float[])[-0.5f, 0.5f]),
            ("classlabels_ints", (long[])[0, 1]),
            ("multi_class", 1L),
            ("post_transform", "LOGISTIC")
        );
        graph.Node("Normalizer", ["raw"], [maps ? "shares" : Scores], ("norm", "L1"));
        if (!maps)
            return Ended(graph, 2);
        graph.Node("ZipMap", ["shares"], [Scores], ("classlabels_int64s", (long[])[0, 1]));
        graph.OutputMaps(Scores, DataType.Int64);
        return graph.Build();
    }

    private static ModelProto After(Action<MlGraph> first)
    {
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 4);
        first(graph);
        Classifier(graph, "z", 3, "SOFTMAX", Scores);
        return Ended(graph, 3);
    }

    private static void Picked(MlGraph graph)
    {
        graph.Integers("places", 2, 0);
        graph.Integers("last", 3);
        graph.Node("ArrayFeatureExtractor", ["x", "places"], ["two"]);
        graph.Node("ArrayFeatureExtractor", ["x", "last"], ["one"]);
        graph.Node("Binarizer", ["one"], ["above"], ("threshold", 0.5f));
        graph.Node("FeatureVectorizer", ["above", "two", "one"], ["z"], ("inputdimensions", (long[])[1, 2, 1]));
    }

    private static void Encoded(MlGraph graph)
    {
        graph.Integers("first", 0);
        graph.Node("ArrayFeatureExtractor", ["x", "first"], ["one"]);
        graph.Node("OneHotEncoder", ["one"], ["places"], ("cats_int64s", (long[])[-1, 2]), ("zeros", 1L));
        graph.Node(
            "LabelEncoder",
            ["one"],
            ["number"],
            ("keys_floats", (float[])[0]),
            ("values_floats", (float[])[2.5f]),
            ("default_float", -1f)
        );
        graph.Node("FeatureVectorizer", ["places", "number", "one"], ["z"], ("inputdimensions", (long[])[2, 1, 1]));
    }

    // As ML.NET writes two classes: a score, and Platt's sigmoid of it.
    private static ModelProto Regressor()
    {
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 4);
        graph.Node(
            "LinearRegressor",
            ["x"],
            ["score"],
            ("coefficients", Four(1)),
            ("intercepts", (float[])[0.25f]),
            ("targets", 1L),
            ("post_transform", "NONE")
        );
        graph.Initializer("slope", [], 1.5f);
        graph.Node("Mul", ["score", "slope"], ["calibrated"]);
        graph.Node("Sigmoid", ["calibrated"], [Scores]);
        return Ended(graph, 1);
    }

    // As ML.NET writes columns: text to numbers to one-hot blocks.
    private static ModelProto Columns()
    {
        MlGraph graph = new();
        graph.Input("job", DataType.String, -1, 1);
        graph.Input("hours", DataType.Float, -1, 1);
        graph.Input("age", DataType.Int64, -1, 1);
        graph.Node(
            "LabelEncoder",
            ["job"],
            ["key"],
            ("keys_strings", (string[])["b", "a"]),
            ("values_int64s", (long[])[1, 2]),
            ("default_int64", 0L)
        );
        graph.Node("Cast", ["key"], ["key32"], ("to", (long)DataType.Uint32));
        graph.Node("Cast", ["key32"], ["key64"], ("to", (long)DataType.Int64));
        graph.Node("OneHotEncoder", ["key64"], ["jobs"], ("cats_int64s", (long[])[1, 2]), ("zeros", 1L));
        graph.Node("Cast", ["age"], ["years"], ("to", (long)DataType.Float));
        graph.Node("FeatureVectorizer", ["jobs", "years", "hours"], ["z"], ("inputdimensions", (long[])[2, 1, 1]));
        Classifier(graph, "z", 3, "SOFTMAX", Scores);
        return Ended(graph, 3);
    }

    private static void Classifier(MlGraph graph, string input, int rows, string transform, string output) =>
        graph.Node(
            "LinearClassifier",
            [input],
            ["label", output],
            ("coefficients", Enumerable.Range(0, rows * 4).Select(i => MathF.Sin(3 * i + 1)).ToArray()),
            ("intercepts", Enumerable.Range(0, rows).Select(i => 0.3f * i - 0.2f).ToArray()),
            ("classlabels_ints", Enumerable.Range(0, Math.Max(2, rows)).Select(i => (long)i).ToArray()),
            ("post_transform", transform)
        );

    private static ModelProto Ended(MlGraph graph, long width)
    {
        graph.Output(Scores, DataType.Float, -1, width);
        return graph.Build();
    }
}
