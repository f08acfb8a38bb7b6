using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using PostTrainGate.Evaluations;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Trains a network on Fashion-MNIST, for benchmarks that need a model with batch normalization that nobody tuned on.
/// <c>train residual|vgg [--out residual.onnx] [--epochs 2] [--folded]</c>; folded, ONNX Runtime puts the
/// normalizations into the convolutions, as exports usually do.
/// </summary>
internal static class TrainBench
{
    private const int Batch = 128;
    private const double Rate = 0.003;

    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        NativeMemory.Tune();
        var name = args.Contains("vgg") ? "vgg" : "residual";
        var path = Options.Text(args, "--out") ?? $"{name}.onnx";
        HandNetwork forward = name == "vgg" ? VggNetwork.Forward : ResidualNetwork.Forward;
        if (name == "vgg")
            VggNetwork.Write(path);
        else
            ResidualNetwork.Write(path, 1, 28, 28);
        using var model = OnnxClassifier.Load(path);
        using var train = FashionMnist.Train();
        Train(model, forward, train, Options.Count(args, "--epochs") ?? 2);
        model.Save(path);
        if (args.Contains("--folded"))
        {
            using var settings = new SessionOptions
            {
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC,
                OptimizedModelFilePath = path,
            };
            new InferenceSession(File.ReadAllBytes(path), settings).Dispose();
        }

        using var test = FashionMnist.Test();
        using var evaluation = new Evaluation(model, test);
        Console.WriteLine($"{path}: accuracy {evaluation.Right / (double)test.Count:F4}");
        return 0;
    }

    private static void Train(OnnxClassifier model, HandNetwork forward, Data.EvaluationSet train, int epochs)
    {
        using var scope = NewDisposeScope();
        var weights = model.Parameters.ToDictionary(p => p.Key, p => Start(p.Key, p.Value));
        using var adam = optim.Adam(weights.Values.OfType<Parameter>(), Rate);
        var (step, steps) = (0, epochs * train.Count / Batch);
        var batches = HandTraining.Batches(train.Count, Batch).Chunk(train.Count / Batch).Take(epochs);
        foreach (var (epoch, ofEpoch) in batches.Index())
        {
            var loss = 0.0;
            foreach (var rows in ofEpoch)
            {
                using var inner = NewDisposeScope();
                foreach (var group in adam.ParamGroups)
                    group.LearningRate = Rate * (1 - step / (double)steps);
                var index = tensor(rows);
                var logits = forward(n => weights[n], train.Inputs.index_select(0, index), training: true);
                var value = nn.functional.cross_entropy(logits, train.Labels.index_select(0, index));
                adam.zero_grad();
                value.backward();
                adam.step();
                loss += value.item<float>();
                step++;
            }

            Console.WriteLine($"epoch {epoch + 1}: loss {loss * Batch / train.Count:F4}");
        }

        HandTraining.Give(weights, model);
    }

    // Weights start as they are drawn, each normalization as if its inputs were normal already.
    private static Tensor Start(string name, Tensor value) =>
        name.Split('.')[^1] switch
        {
            "mean" => zeros_like(value),
            "variance" => ones_like(value),
            "shift" => new Parameter(zeros_like(value)),
            "scale" => new Parameter(ones_like(value)),
            _ => new Parameter(value.detach().clone()),
        };
}
