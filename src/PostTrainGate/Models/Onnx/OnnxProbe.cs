using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>Runs the first nodes of a file in ONNX Runtime, to find the one that ends the process.</summary>
internal static class OnnxProbe
{
    /// <summary>Names of the nodes, in the order that they are run in.</summary>
    /// <exception cref="GateException">PTG2001.</exception>
    public static ImmutableArray<string> Nodes(string path) =>
        [.. OnnxFile.Read(path).Graph.Node.Select(OnnxNode.Describe)];

    /// <summary>Runs the first nodes once, on drawn rows.</summary>
    /// <exception cref="GateException">PTG2xxx: they cannot be run.</exception>
    public static void Run(string path, int nodes)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var file = OnnxFile.Read(path);
        var first = file.Graph.Node.Take(nodes).ToArray();
        string[] outputs = [.. first.SelectMany(n => n.Output).Where(o => o.Length > 0)];
        var columns = file.Inputs.Select((input, i) => new FeatureColumn(input.Name, i, [])).ToImmutableArray();
        var feeds = InputBinding.Bind(file, new FeatureLayout(columns));
        using var session = new OnnxSession(file, file.Part(first, feeds.Names, outputs), outputs, threads: 1);
        var values = feeds.Fill(feeds.Random(feeds.Batch > 0 ? feeds.Batch : 2, OnnxAgreement.OpenSizes[0], 0, 1));
        try
        {
            session.Run(feeds.Names, values);
        }
        finally
        {
            foreach (var value in values)
                value.Dispose();
        }
    }
}
