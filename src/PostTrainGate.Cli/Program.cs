using static TorchSharp.torch;
using var x = ones(2, 2);
System.Console.WriteLine(x.sum().item<float>());
