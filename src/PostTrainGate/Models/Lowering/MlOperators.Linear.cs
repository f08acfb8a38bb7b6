using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

// Linear models. Their coefficients and intercepts are weights, and are written back into the attributes.
internal static partial class MlOperators
{
    private static void LinearRegressor(MlNode at)
    {
        var coefficients = at.Floats("coefficients");
        var intercepts = at.Attributes.Floats("intercepts") ?? [];
        var targets = at.Attributes.Int("targets", 1);
        var transform = at.Attributes.Text("post_transform", "NONE");
        if (transform != "NONE")
            throw at.Attributes.Refuse($"attribute 'post_transform' is '{transform}'");
        // ONNX Runtime leaves out intercepts that are not one for each target.
        at.Give(0, Product(at, coefficients, intercepts.Length == targets ? intercepts : [], targets));
    }

    private static void LinearClassifier(MlNode at)
    {
        var (coefficients, intercepts) = (at.Floats("coefficients"), at.Floats("intercepts"));
        at.Attributes.Int("multi_class", 0); // ONNX Runtime reads nothing of it
        var labels = at.Attributes.Ints("classlabels_ints") ?? [];
        var classes = Math.Max(labels.Length, at.Attributes.Texts("classlabels_strings")?.Length ?? 0);
        var transform = at.Attributes.Text("post_transform", "NONE");
        // scikit-learn's converter writes two classes as one and its negative, which they stay.
        var isMirrored =
            transform == "LOGISTIC" && intercepts.Length == 2 && IsMirrored(coefficients) && IsMirrored(intercepts);
        if (isMirrored)
            (coefficients, intercepts) = (coefficients[(coefficients.Length / 2)..], intercepts[1..]);
        var scores = Product(at, coefficients, intercepts, intercepts.Length, isMirrored);
        if (intercepts.Length == 1 && classes == 2)
            (scores, transform) = Both(at, scores, transform);
        if (at.IsRead(0))
            at.Give(0, Label(at, scores, labels), DataType.Int64);
        at.Give(1, Transformed(at, scores, transform));
    }

    // One score z for two classes: of [0, z] the softmax is [sigmoid(-z), sigmoid(z)].
    private static (string Scores, string Transform) Both(MlNode at, string score, string transform) =>
        transform == "LOGISTIC"
            ? (at.Node("MatMul", [score, at.Graph.Numbers([1, 2], 0, 1)]), "SOFTMAX")
            : throw at.Attributes.Refuse(
                $"attribute 'post_transform' is '{transform}', with one score for two classes"
            );

    private static string Label(MlNode at, string scores, long[] labels) =>
        labels.Length > 0
            ? at.Node(
                "Gather",
                [at.Graph.Integers(labels), at.Node("ArgMax", [scores], ("axis", 1L), ("keepdims", 0L))]
            )
            : throw at.Attributes.Refuse("its label, which is text, is used");

    private static string Transformed(MlNode at, string scores, string transform)
    {
        switch (transform)
        {
            case "NONE":
                return scores;
            case "LOGISTIC":
                return at.Node("Sigmoid", [scores]);
            case "SOFTMAX":
                var shares = at.Node("Softmax", [scores], ("axis", 1L));
                at.Graph.SumsToOne(shares);
                return shares;
            case "SOFTMAX_ZERO":
                return SoftmaxZero(at, scores);
            default:
                throw at.Attributes.Refuse($"attribute 'post_transform' is '{transform}'");
        }
    }

    // A softmax to which scores of 0 add nothing; they become 0.
    private static string SoftmaxZero(MlNode at, string scores)
    {
        var zero = at.Node("Less", [at.Node("Abs", [scores]), at.Row(1e-7f)]);
        var largest = at.Node("ReduceMax", [scores], ("axes", (long[])[1]));
        var powers = at.Node("Where", [zero, at.Row(0), at.Node("Exp", [at.Node("Sub", [scores, largest])])]);
        return at.Node("Div", [powers, at.Node("ReduceSum", [powers], ("axes", (long[])[1]))]);
    }

    private static string Product(
        MlNode at,
        float[] coefficients,
        float[] intercepts,
        long rows,
        bool isMirrored = false
    )
    {
        if (rows < 1 || coefficients.Length % rows != 0)
            throw at.Attributes.Refuse("its coefficients are not as many for each of its intercepts");
        var x = at.Float(0);
        var weight = at.Weight("coefficients", [rows, coefficients.Length / rows], coefficients, isMirrored);
        string[] inputs =
            intercepts.Length == 0 ? [x, weight] : [x, weight, at.Weight("intercepts", [rows], intercepts, isMirrored)];
        return at.Node("Gemm", inputs, ("transB", 1L));
    }

    private static bool IsMirrored(float[] values) =>
        values.Length % 2 == 0
        && values[..(values.Length / 2)].Zip(values[(values.Length / 2)..]).All(p => p.First == -p.Second);
}
