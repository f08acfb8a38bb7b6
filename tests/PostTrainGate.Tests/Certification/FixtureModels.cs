using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

/// <summary>The models of real data with their first test rows and labels.</summary>
internal static class FixtureModels
{
    public static (OnnxClassifier Model, Tensor Inputs, Tensor Labels) Load(string name, int rows)
    {
        if (name is "cnn" or "lenet5")
        {
            var (images, labels) = FashionMnist.Test(rows);
            return (OnnxClassifier.Load(Fixtures.Path($"fmnist/{name}.onnx")), images, labels);
        }

        var arrays = NpzFile.Read(Fixtures.Elsewhere($"fairness/{name}.npz"));
        var inputs = FairnessArrays.Scaled(arrays, arrays["x_test"].narrow(0, 0, rows));
        return (
            OnnxClassifier.Load(Fixtures.Elsewhere($"fairness/{name}_mlp.onnx")),
            inputs,
            arrays["y_test"].narrow(0, 0, rows).to(int64)
        );
    }
}
