using System.Collections.Immutable;
using System.Text.Json;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PostTrainGate.Train;

/// <summary>How a sample's model is built and trained: its <c>training.json</c>.</summary>
/// <param name="Layers">In order: <c>dense UNITS</c>, <c>conv CHANNELS</c> (3x3), <c>pool</c> (2x2); the classes are
/// added.</param>
/// <param name="Image">Channels, height and width, where a row is an image; null for tables.</param>
/// <param name="Balanced">Whether rare classes weigh more in the loss: rows / (classes x rows of the class).</param>
/// <param name="LearningRate">Adam's.</param>
/// <param name="BatchSize">Rows a step.</param>
/// <param name="HeldOut">Share of the repair split that decides when to stop.</param>
/// <param name="Patience">Epochs without a better loss there before it stops.</param>
/// <param name="Epochs">At most.</param>
/// <param name="Snapshots">How many models of the history are kept, evenly from the first epoch to the best.</param>
internal sealed record Recipe(
    ImmutableArray<string> Layers,
    long[]? Image = null,
    bool Balanced = false,
    double LearningRate = 1e-3,
    int BatchSize = 32,
    double HeldOut = 0.2,
    int Patience = 8,
    int Epochs = 200,
    int Snapshots = 5
)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>Reads a recipe.</summary>
    public static Recipe Read(string path) => JsonSerializer.Deserialize<Recipe>(File.ReadAllText(path), Json)!;

    /// <summary>The network, freshly initialized.</summary>
    /// <param name="inputs">Values of one input.</param>
    /// <param name="classes">Number of classes.</param>
    public TorchSharp.Modules.Sequential Build(long inputs, int classes)
    {
        List<Module<Tensor, Tensor>> modules = [];
        var (channels, height, width) = Image is [var c, var h, var w] ? (c, h, w) : (inputs, 1, 1);
        if (Image is not null)
            modules.Add(Unflatten(1, Image));
        var flat = Image is null;
        foreach (var layer in Layers)
        {
            switch (layer.Split(' '))
            {
                case ["conv", var count]:
                    modules.AddRange(Conv2d(channels, long.Parse(count), 3, padding: 1), ReLU());
                    channels = long.Parse(count);
                    break;
                case ["pool"]:
                    modules.Add(MaxPool2d(2));
                    (height, width) = (height / 2, width / 2);
                    break;
                case ["dense", var count]:
                    if (!flat)
                        modules.Add(Flatten());
                    modules.AddRange(Linear(channels * height * width, long.Parse(count)), ReLU());
                    (channels, height, width, flat) = (long.Parse(count), 1, 1, true);
                    break;
                default:
                    throw new FormatException($"'{layer}' is no layer");
            }
        }

        modules.Add(Linear(channels, classes));
        return Sequential(modules.ToArray());
    }
}
