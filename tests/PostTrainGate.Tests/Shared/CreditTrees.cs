using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// A small forest on three columns of the credit sample, exported as scikit-learn's pipelines are: an input a column,
/// labels and maps out.
/// </summary>
internal static class CreditTrees
{
    private static readonly string[] Accounts = ["below 0 DM", "0 to 200 DM", "200 DM or more", "none"];

    // Feature 0: the account's place in the list, 1: the duration in months, 2: the age.
    private static readonly (long Feature, float At, float Below, float Above)[] Stumps =
    [
        (0, 1.5f, 0.45f, 0.875f),
        (1, 20.5f, 0.75f, 0.5f),
        (2, 25.5f, 0.35f, 0.75f),
    ];

    /// <summary>The share of votes for a good credit.</summary>
    public static double Good(string account, double months, double age)
    {
        double[] features = [Array.IndexOf(Accounts, account), months, age];
        return Stumps.Average(s => features[s.Feature] <= s.At ? s.Below : (double)s.Above);
    }

    /// <summary>The file.</summary>
    public static ModelProto Build(string output = "output_probability")
    {
        MlGraph graph = new();
        graph.Input("checking_account", DataType.String, -1, 1);
        graph.Input("duration_months", DataType.Float, -1, 1);
        graph.Input("age", DataType.Int64, -1, 1);
        graph.Node(
            "LabelEncoder",
            ["checking_account"],
            ["account"],
            ("keys_strings", Accounts),
            ("values_floats", new float[] { 0, 1, 2, 3 }),
            ("default_string", "none")
        );
        graph.Node("Cast", ["age"], ["years"], ("to", (long)DataType.Float));
        graph.Node("Concat", ["account", "duration_months", "years"], ["features"], ("axis", 1L));
        graph.Stumps("features", ["label", "probabilities"], Stumps, ("classlabels_strings", new[] { "bad", "good" }));
        graph.Node("Identity", ["label"], ["output_label"]);
        graph.Output("output_label", DataType.String, -1);
        if (output == "output_probability")
        {
            graph.Node("ZipMap", ["probabilities"], [output], ("classlabels_strings", new[] { "bad", "good" }));
            graph.OutputMaps(output, DataType.String);
        }
        else if (output == "probabilities")
        {
            graph.Output(output, DataType.Float, -1, 2);
        }

        return graph.Build();
    }
}
